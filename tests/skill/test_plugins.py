"""The skill and the tools are where the hosts of agents look for them, under one name."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import inngest_rest
from inngest_rest_tools.command import agent_skill

ROOT = Path(__file__).resolve().parents[2]


def read(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def test_both_marketplaces_lead_to_the_plugin_that_has_the_skill() -> None:
    (of_claude,) = read(".claude-plugin/marketplace.json")["plugins"]
    (of_codex,) = read(".agents/plugins/marketplace.json")["plugins"]
    # `npx skills add` looks into `skills` of each plugin of the first.
    plugin = ROOT / of_claude["source"]
    assert ROOT / of_codex["source"]["path"] == plugin
    assert (plugin / "skills" / "inngest" / "SKILL.md").read_text("utf-8") == (
        agent_skill.own_files()["SKILL.md"]
    )
    assert read(f"{of_claude['source']}/plugin.json")["name"] == of_claude["name"]
    assert of_claude["name"] == of_codex["name"]


def test_the_manifests_of_the_plugin_agree_in_what_all_of_them_say() -> None:
    folder = "tools/inngest_rest_tools/.agents"
    portable = read(f"{folder}/plugin.json")
    del portable["$schema"]
    for host in (".claude-plugin", ".codex-plugin"):
        assert read(f"{folder}/{host}/plugin.json").items() >= portable.items()


def test_the_registry_finds_its_name_in_the_description_of_the_package_that_it_starts() -> None:
    server = read("mcp-server/server.json")
    project = tomllib.loads((ROOT / "mcp-server/pyproject.toml").read_text("utf-8"))["project"]
    assert [it["identifier"] for it in server["packages"]] == [project["name"]]
    assert list(project["scripts"]) == [project["name"]]
    for readme in (ROOT / "mcp-server" / project["readme"], ROOT / "README.md"):
        assert f"\n<!-- mcp-name: {server['name']} -->\n" in readme.read_text("utf-8")


def test_the_registry_entry_names_no_index() -> None:
    # Visual Studio Code makes it uvx's `--index-url`, and https://pypi.org is no index.
    assert all("registryBaseUrl" not in it for it in read("mcp-server/server.json")["packages"])


def test_the_package_starts_the_tools() -> None:
    command = [sys.executable, str(ROOT / "mcp-server" / "inngest_rest_mcp.py"), "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.startswith("usage: inngest-rest mcp")
    assert "--allow-writes" in told


def test_the_bundle_has_what_its_format_asks_for() -> None:
    # Of manifest 0.4: what is required, and what a setting of the user's may say.
    manifest = read("mcp-server/manifest.json")
    assert manifest.keys() >= {"manifest_version", "name", "version", "description", "author"}
    server = manifest["server"]
    assert server.keys() == {"type", "entry_point", "mcp_config"}
    assert (ROOT / "mcp-server" / server["entry_point"]).is_file()
    required, possible = (
        {"type", "title", "description"},
        {"sensitive", "default", "required", "multiple"},
    )
    for setting in manifest["user_config"].values():
        assert required <= setting.keys() <= required | possible


def test_the_keys_that_hosts_ask_for_are_variables_of_the_client() -> None:
    (package,) = read("mcp-server/server.json")["packages"]
    asked = {it["name"] for it in package["environmentVariables"]}
    config = read("mcp-server/manifest.json")
    environment = config["server"]["mcp_config"]["env"]
    known = inngest_rest.InngestClient.__doc__ or ""
    assert asked == environment.keys()
    assert all(it in known for it in asked)
    given = config["server"]["mcp_config"]["args"]
    values = {f"${{user_config.{name}}}" for name in config["user_config"]}
    assert {*environment.values(), *(it for it in given if "user_config" in it)} == values
    secret = {it["name"] for it in package["environmentVariables"] if it.get("isSecret")}
    assert {name for name in asked if name.endswith("KEY")} == secret
