"""What can be set, in one place: ``EPNTAP_*`` variables, ``epntap.toml``, or the defaults."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from epntap.errors import UserError


def default_home() -> Path:
    """Return the platform's directory for the data of this user (of the system, for root)."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/epntap")
    return Path(platformdirs.user_data_dir("epntap", appauthor=False))


class Settings(BaseSettings):
    """Settings of the service.

    A value given to the constructor (the command line) wins over an ``EPNTAP_*`` variable, which
    wins over ``epntap.toml`` in the current directory, which wins over ``epntap.toml`` in the home.
    """

    model_config = SettingsConfigDict(env_prefix="EPNTAP_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=default_home)
    """Directory of the embedded database and of everything else that is kept."""

    host: str = "127.0.0.1"
    """Address that the server listens on."""

    port: int = Field(default=8000, ge=1, le=65535)
    """Port that the server listens on."""

    base_url: str | None = None
    """URL under which clients reach the service, when it stands behind a proxy."""

    dsn: str | None = None
    """An existing PostgreSQL database, as its owner; without it the embedded one is used."""

    query_dsn: str | None = None
    """Where queries are read from, if not from `dsn`: a streaming replica, as the reader."""

    postgres_bin: Path | None = None
    """Directory of the PostgreSQL programs of the embedded database, instead of those found."""

    site_name: str = "EPN-TAP service"
    """Name of the service on its pages and in its capabilities."""

    authority: str = "x-unregistered"
    """Authority of the identifiers in registry records; register one before publishing them."""

    organisation: str | None = None
    """Who runs the service, in registry records; `site_name` where it is not given."""

    contact_email: str | None = None
    """Whom registries may write to; postmaster of the host where it is not given."""

    maxrec: int = Field(default=20_000, ge=1)
    """Rows that a query returns when it sets no MAXREC."""

    maxrec_limit: int = Field(default=20_000_000, ge=1)
    """Rows that no query exceeds, whatever its MAXREC."""

    query_seconds: float = Field(default=60.0, gt=0)
    """Time that a synchronous query may take until its first row."""

    stream_seconds: float = Field(default=3600.0, gt=0)
    """Time that the whole answer to a synchronous query may take."""

    connections: int = Field(default=20, ge=2)
    """Synchronous queries that run at the same time."""

    client_queries: int | None = Field(default=None, ge=0)
    """Of them, those of one client (an address; IPv6: a /64 network); half if nothing is said."""

    waiting_queries: int = Field(default=200, ge=0)
    """Queries that may wait for their turn, half of them of one client; 0 is no limit."""

    waiting_seconds: float = Field(default=10.0, ge=0)
    """How long a query waits for its turn before it is refused; with 0 none waits."""

    result_bytes: int = Field(default=16 * 1024**3, ge=0)
    """Bytes that the result of a synchronous query may have; 0 is no limit."""

    client_hour_bytes: int = Field(default=0, ge=0)
    """Bytes of results that one client may fetch in an hour; 0 is no limit."""

    client_hour_seconds: float = Field(default=0.0, ge=0)
    """Time that the queries of one client may take in an hour, added up; 0 is no limit."""

    jobs: int = Field(default=1000, ge=0)
    """Jobs of one service, as /tap/async is one, that are not finished; 0 is no limit."""

    client_jobs: int = Field(default=100, ge=0)
    """Of them, those of one client; 0 is no limit."""

    stall_seconds: float = Field(default=60.0, gt=0)
    """A client that is waited for so long and does not move `stall_rate` meanwhile is cut off."""

    stall_rate: int = Field(default=4096, ge=0)
    """Bytes per second that a client which is waited for must move; 0 is: any at all."""

    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed."""

    processes: int = Field(default=1, ge=1, le=64)
    """Processes that serve, for as many cores; limits are divided among them."""

    worker: bool = True
    """Whether the server also works at what stands in line; else `epntap worker` must run."""

    worker_concurrency: int = Field(default=4, ge=1)
    """Pieces of work that a worker does at the same time."""

    worker_seconds: float = Field(default=15.0, ge=1)
    """A worker that is silent for so long is taken for lost, and its work is given to others."""

    upload_rows: int = Field(default=1_000_000, ge=1)
    """Rows that a table uploaded with a query may have."""

    upload_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes that all tables uploaded with one query may have together, decompressed."""

    upload_remote: bool = True
    """Whether uploads may be named by URL, as TAP asks for; public addresses only."""

    upload_networks: tuple[str, ...] = ()
    """Networks of one's own that uploads may be fetched from although not public: 10.1.0.0/16."""

    upload_seconds: float = Field(default=30.0, gt=0)
    """Time that fetching an upload from its URL may take."""

    results: str | None = None
    """Where files of jobs are kept: a directory, or a URL of fsspec; ``results`` of the home."""

    products: str | None = None
    """Where files of catalogues are kept: as for `results`; ``products`` of the home."""

    product_bytes: int = Field(default=4 * 1024**3, ge=0)
    """Bytes that one file of a catalogue may have; 0 is no limit."""

    products_bytes: int = Field(default=0, ge=0)
    """Bytes that all files of one version of a catalogue may have; 0 is no limit."""

    downloads: int = Field(default=200, ge=0)
    """Files of catalogues that are sent at the same time, half to one client; 0 is no limit."""

    async_seconds: int = Field(default=3600, ge=1)
    """Time that an asynchronous query may take when its client asks for none."""

    async_seconds_limit: int = Field(default=3600, ge=1)
    """Time that no asynchronous query exceeds, whatever its client asks for."""

    destruction_days: float = Field(default=7.0, gt=0)
    """Days after its creation that a job is destroyed, with its results."""

    destruction_days_limit: float = Field(default=30.0, gt=0)
    """Days that no job lives longer, counted from when its client asks for more."""

    job_list: Literal["address", "none"] = "address"
    """What a list of jobs shows: the jobs made from the asking address, or none at all."""

    requests: tuple[str, ...] | None = None
    """Pipelines that anybody may run at /run; all that offer it where nothing is said, [] none."""

    request_seconds: int = Field(default=600, ge=1)
    """Time that a run on request may take when its client asks for none."""

    request_seconds_limit: int = Field(default=3600, ge=1)
    """Time that no run on request exceeds."""

    request_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Bytes that the file of such a run may have; a pipeline may allow less."""

    request_memory: int = Field(default=4 * 1024**3, ge=0)
    """Address space that a run on request may use, in bytes; 0 is no limit (a GPU maps much)."""

    request_folder: Path | None = None
    """Where runs on request work, each in a folder of its own; ``runs`` of the home."""

    request_jobs: int = Field(default=100, ge=0)
    """Runs on request of one pipeline that are not finished; 0 is no limit."""

    client_request_jobs: int = Field(default=5, ge=0)
    """Of them, those of one client; 0 is no limit."""

    @field_validator("upload_networks", "trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ipaddress.ip_network(text)
        return value

    @field_validator("home", "postgres_bin", "request_folder")
    @classmethod
    def _expand_user(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value is not None else None

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources; the two TOML files come last."""
        home = Path(os.environ.get("EPNTAP_HOME") or default_home()).expanduser()
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, Path("epntap.toml")),
            TomlConfigSettingsSource(settings_cls, home / "epntap.toml"),
        )

    @property
    def url(self) -> str:
        """The service's base URL as clients are told it."""
        if self.base_url is not None:
            return self.base_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def read_settings(**given: object) -> Settings:
    """Read the settings; values of ``None`` count as not given.

    Raises
    ------
    UserError
        If a variable or a key of ``epntap.toml`` is unknown or wrong; the message names it.
    """
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        )
        raise UserError(
            f"wrong setting: {faults}",
            hint="settings come from EPNTAP_* variables and epntap.toml, e.g. EPNTAP_PORT=8001",
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"epntap.toml cannot be read: {error}") from error
