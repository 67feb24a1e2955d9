"""Science pipelines: spacecraft data in, native catalogue out.

A pipeline knows nothing of EPNcore or TAP. The publishing service finds pipelines through the
entry point group ``epntap.pipelines``; each one is an object that satisfies
`pipelines.contract.Pipeline`.
"""
