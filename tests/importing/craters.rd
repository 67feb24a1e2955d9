<resource schema="craters">
  <!-- A descriptor with one of everything that is understood, and of what is not. -->
  <meta>
    title: Craters of Mars
    creator.name: Doe, J.; Roe, R.
    publisher: Example Institute
  </meta>
  <meta name="description" format="rst">Craters, their
    diameters and depths.</meta>
  <meta name="contact">
    <meta name="name">Jane Doe</meta>
    <meta name="email">jane@example.org</meta>
  </meta>
  <meta name="subject">Planetary science</meta>
  <meta name="subject">craters</meta>
  <meta name="rights" rightsURI="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</meta>
  <meta name="source">10.1000/182</meta>
  <meta name="instrument">HRSC</meta>
  <meta name="news">Now with more craters</meta>

  <table id="epn_core" onDisk="True" adql="True">
    <mixin spatial_frame_type="body"
      optional_columns="target_region diameter feature_name thumbnail_url filter no_such_column"
      >//epntap2#table-2_0</mixin>
    <index columns="diameter, feature_name"/>
    <index columns="depth"/>
    <column name="depth" type="double precision" unit="m" ucd="phys.size;src"
      description="Depth of the floor" verbLevel="15"/>
    <column name="hits" type="bigint" ucd="phys.hits">
      <description>Impacts
        on the floor</description>
    </column>
    <column name="size" type="real" description="reserved"/>
    <column name="flag" type="boolean" description="not storable"/>
    <column name="half_depth" type="double precision" unit="m" description="Half of depth"/>
    <param name="answer">42</param>
  </table>

  <data id="import">
    <sources pattern="res/*.csv"/>
    <csvGrammar delimiter=";"><rowfilter/></csvGrammar>
    <make table="epn_core">
      <rowmaker idmaps="d*" simplemaps="hits:n_hits">
        <var key="depth">float(@depth)*1000</var>
        <var key="secret">someCode(@x)</var>
        <map dest="half_depth">@depth/2</map>
        <apply procDef="//procs#simpleSelect"/>
        <apply procDef="//epntap2#populate-2_0" name="fill">
          <bind key="granule_uid">"crater " + @id</bind>
          <bind key="granule_gid">"craters"</bind>
          <bind key="obs_id">@id</bind>
          <bind key="target_name">'Mars'</bind>
          <bind key="target_class">"planet"</bind>
          <bind key="target_region">@secret</bind>
          <bind key="time_min">dateTimeToJdn(parseTimestamp(@seen, '%Y-%m-%dT%H:%M:%S'))</bind>
          <bind key="time_max">float(@seen_mjd)+2400000.5</bind>
          <bind key="c1min">float(@lon) % 360</bind>
          <bind key="c1max">float(@lon) % 360</bind>
          <bind key="c2min">parseWithNull(@lat, float, "-999")</bind>
          <bind key="c2max">parseWithNull(@lat, float, "-999")</bind>
          <bind key="processing_level">5</bind>
          <bind key="creation_date">parseTimestamp(@made)</bind>
          <bind key="feature_name">@name if @name else None</bind>
          <bind key="thumbnail_url">"https://example.org/%s/%s.png" % (@kind, @id)</bind>
          <bind key="instrument_name">None</bind>
          <bind key="service_title">"\schema"</bind>
        </apply>
      </rowmaker>
    </make>
  </data>

  <service id="web"/>
</resource>
