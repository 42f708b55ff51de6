"""The documents say what the code does.

`python -m tests.unit.test_docs` writes docs/settings.md anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rag_service.api.app import create_app
from rag_service.errors import RagError
from rag_service.setting_names import environment_name, field_names
from rag_service.settings import Settings
from tests.api.fakes import FakeService

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "docs" / "settings.md"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


def default_of(dotted: str) -> str:
    model: type[BaseModel] = Settings
    *groups, name = dotted.split(".")
    for group in groups:
        annotation = model.model_fields[group].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    default = model.model_fields[name].default
    assert default is not PydanticUndefined
    return "" if default is None else f"`{default}`"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables, or the same names in `rag.toml` (`[chat]` `model = …`). "
        "Empty means unset.",
        "",
        "| variable | default | |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{environment_name(name)}` | {default_of(name)} | {description} |"
        for name, description in field_names(Settings).items()
    ]
    lines.append("| `RAG_CONFIG` | `rag.toml` | The settings file. |")
    return "\n".join(lines) + "\n"


def test_the_settings_page_lists_every_setting_as_it_is() -> None:
    assert SETTINGS.read_text(encoding="utf-8") == settings_page(), (
        "docs/settings.md is out of date: python -m tests.unit.test_docs"
    )


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_readme_names_only_settings_that_exist(readme: Path) -> None:
    known = {environment_name(name) for name in field_names(Settings)} | {"RAG_CONFIG", "RAG_"}
    named = set(re.findall(r"\bRAG_\w*", readme.read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_readme_names_every_route(readme: Path) -> None:
    text = readme.read_text(encoding="utf-8")
    paths = create_app(lambda: FakeService()).openapi()["paths"]
    documented = {path.replace("{collection}", "{c}") for path in paths}
    missing = {path for path in documented if path.split("/{c}")[-1].split("/{doc")[0] not in text}
    assert not missing


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_the_links_of_the_readme_lead_somewhere(readme: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", readme.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_two_readmes_have_the_same_sections_and_commands() -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in READMES)

    def commands(text: str) -> list[str]:
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
        return [line for line in lines if re.match(r"(make|rag|docker|curl|RAG_\w+=)", line)]

    assert len(re.findall(r"^## ", english, re.M)) == len(re.findall(r"^## ", chinese, re.M))
    assert commands(english) == commands(chinese)


def test_the_error_tree_in_the_docstring_is_the_real_one() -> None:
    from rag_service import errors

    drawn = set(re.findall(r"^[│├└─ ]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE))
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, RagError)
    }
    assert real <= drawn


if __name__ == "__main__":
    SETTINGS.write_text(settings_page(), encoding="utf-8")
