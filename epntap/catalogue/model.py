"""A catalogue: a description with what follows from it."""

from __future__ import annotations

from functools import cached_property

from epntap.catalogue.description import Description, ExtraColumn, Mapping
from epntap.catalogue.indexes import Index, planned
from epntap.epncore.standard import TABLE_UTYPE, Standard
from epntap.tables import TEXT_DATATYPES, Column, CoordinateSystem, TimeSystem


class Catalogue:
    """A checked description, with what follows from it.

    Parameters
    ----------
    description
        The content of the file.
    standard
        EPNcore.
    """

    def __init__(self, description: Description, standard: Standard) -> None:
        self.description = description
        self.standard = standard

    @property
    def name(self) -> str:
        """Schema name, service title and name of the catalogue: they are one."""
        return self.description.name

    @property
    def frame(self) -> str:
        """The ``spatial_frame_type`` of every row."""
        return self.description.spatial_frame_type

    @property
    def utype(self) -> str:
        """Utype of the table, by which EPN-TAP services are found."""
        return TABLE_UTYPE

    @cached_property
    def mapping(self) -> dict[str, Mapping]:
        """Sources of the columns, with each upper bound that is not mapped taken from the lower."""
        mapping = dict(self.description.mapping)
        for low, high in self.standard.pairs:
            if low in mapping and high not in mapping:
                mapping[high] = mapping[low]
            elif high in mapping and low not in mapping:
                mapping[low] = mapping[high]
        for extra in self.description.columns:
            mapping[extra.name] = extra.from_ or Mapping(column=extra.name)
        return mapping

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the table: of the standard, of the service, of the catalogue's own.

        Of the standard are the mandatory ones, and of the optional ones those that are mapped or
        tell of files.
        """
        description = self.description
        time = TimeSystem(description.time.scale, description.time.refposition)
        coordinates = (
            CoordinateSystem(description.coordinate_system)
            if description.coordinate_system
            else None
        )
        of_files = description.products.columns if description.products else frozenset()
        columns = [
            self.standard.column(
                name,
                frame=self.frame,
                particle=description.particle_spectral_type,
                region_xtype=description.region,
                time_system=time,
                coordinate_system=coordinates,
            )
            for name, standard in self.standard.columns.items()
            if standard.requirement != "no" or name in self.mapping or name in of_files
        ]
        columns.extend(added.column for added in self.standard.added)
        columns.extend(_own_column(extra, time) for extra in description.columns)
        return tuple(columns)

    @cached_property
    def indexes(self) -> tuple[Index, ...]:
        """Indexes of the table besides the primary key, as far as the columns have values."""
        names = [column.name for column in self.columns]
        return planned(self.description.indexes, names, self.frame)

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)


def _own_column(extra: ExtraColumn, time: TimeSystem) -> Column:
    is_time = extra.datatype == "timestamp"
    is_text = is_time or extra.datatype in TEXT_DATATYPES
    return Column(
        name=extra.name,
        datatype="char" if is_time else extra.datatype,
        arraysize="*" if is_text else None,
        xtype="timestamp" if is_time else None,
        unit=extra.unit,
        ucd=extra.ucd,
        description=" ".join(extra.description.split()),
        # What is mapped as a time is a Julian Date like those of the standard.
        system=time if extra.from_ and extra.from_.time else None,
        principal=True,
    )
