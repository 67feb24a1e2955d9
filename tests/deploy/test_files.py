"""Compose file, container and environments: that they fit together and to the service."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from epntap.cli import app
from epntap.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINERS = DEPLOY / "containers"
ENVIRONMENTS = sorted(DEPLOY.rglob("*.env.example"))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((CONTAINERS / "compose.yaml").read_text(encoding="utf-8"))


def read_environment(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.parent.name)
def test_an_example_of_an_environment_sets_what_there_is_to_set(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = read_environment(path)
    for name, value in given.items():
        if name.startswith("EPNTAP_"):
            assert name.removeprefix("EPNTAP_").lower() in Settings.model_fields
            monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.dsn == given["EPNTAP_DSN"]
    assert settings.base_url == given["EPNTAP_BASE_URL"]
    assert "CHANGE-ME" in given["EPNTAP_DSN"]


def test_services_are_called_as_the_command_line_wants_it(compose: dict[str, Any]) -> None:
    commands = get_command(app).commands
    for name in ("server", "worker"):
        command, *words = compose["services"][name]["command"]
        commands[command].make_context(command, list(words))
    for unit in (DEPLOY / "systemd").glob("*.service"):
        line = re.search(r"^ExecStart=\S+ (.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        assert line
        command, *words = shlex.split(line[1].replace("%i", "default"))
        commands[command].make_context(command, list(words))


def test_settings_in_the_compose_file_are_settings(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("server", "worker"):
        for name, value in compose["services"][service].get("environment", {}).items():
            monkeypatch.setenv(name, value)
    settings = read_settings()
    assert not settings.worker
    assert "172.16.0.0/12" in settings.trusted_proxies


def test_secrets_come_from_a_file_that_is_not_kept_here(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["env_file"] == "epntap.env"
        assert not any("PASSWORD" in name for name in service.get("environment", {}))
    assert (CONTAINERS / "epntap.env.example").exists()
    assert not (CONTAINERS / "epntap.env").exists()


def test_server_and_worker_share_results_and_wait_for_a_database_that_answers(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert services["server"]["volumes"] == services["worker"]["volumes"]
    text = (CONTAINERS / "Containerfile").read_text(encoding="utf-8")
    mounts = [mount.split(":") for mount in services["server"]["volumes"]]
    assert [volume for volume, _ in mounts] == ["results", "products"]
    assert {volume for volume, _ in mounts} <= set(compose["volumes"])
    # A new volume takes owner and mode of the directory that it covers.
    assert f"install -d -o epntap -g epntap {' '.join(folder for _, folder in mounts)}" in text
    for name in ("server", "worker"):
        assert services[name]["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in services["database"]
    assert "healthcheck" in services["server"]


def test_the_check_of_the_servers_health_is_python(compose: dict[str, Any]) -> None:
    *_words, program = compose["services"]["server"]["healthcheck"]["test"]
    compile(program, "healthcheck", "exec")


def test_the_container_copies_what_is_there_and_runs_as_nobody_in_particular() -> None:
    text = (CONTAINERS / "Containerfile").read_text(encoding="utf-8")
    ignored = (CONTAINERS / "Containerfile.dockerignore").read_text(encoding="utf-8").split()
    copied = []
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        *sources, _target = line.split()
        copied += sources
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users
    assert not users[-1].startswith(("0", "root"))


def test_docker_understands_the_compose_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    shutil.copytree(CONTAINERS, tmp_path / "containers")
    here = tmp_path / "containers"
    shutil.copy(here / "epntap.env.example", here / "epntap.env")
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=here, check=True, timeout=60)
