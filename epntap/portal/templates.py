"""The templates of all pages."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from epntap import __version__
from epntap.settings import Settings

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """Fills in the templates of one service; they are compiled when they are first used.

    Parameters
    ----------
    settings
        Name and URL of the service, which stand on every page.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def page(self, template: str, **values: Any) -> str:
        """Return a page of HTML.

        Parameters
        ----------
        template
            Name of its file.
        values
            What the template shows besides.
        """
        settings = self._settings
        return self._environment.get_template(template).render(
            site=settings.site_name, url=settings.url, version=__version__, **values
        )

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader

        return Environment(loader=PackageLoader("epntap.portal"), autoescape=True, trim_blocks=True)
