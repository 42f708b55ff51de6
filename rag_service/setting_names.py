"""What the settings are called, and what to say of a name that is none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel

ENV_PREFIX = "RAG_"
# Least `difflib` ratios of what somebody may have meant: of a whole name, a letter or a
# separator off; of its last word, where the group is wrong or missing.
_LIKE_THE_NAME, _LIKE_THE_WORD = 0.8, 0.75
_MOST_MEANT = 3


def field_names(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Every setting of ``model`` as ``{dotted name: description}``."""
    names: dict[str, str] = {}
    for name, info in model.model_fields.items():
        group = _group(info.annotation)
        if group is not None:
            names |= field_names(group, f"{prefix}{name}.")
        else:
            names[prefix + name] = info.description or ""
    return names


def environment_name(dotted: str) -> str:
    """``chat.model`` → ``RAG_CHAT__MODEL``."""
    return ENV_PREFIX + dotted.replace(".", "__").upper()


def unknown_variables(
    environ: Mapping[str, str], model: type[BaseModel], also_known: str
) -> list[str]:
    """What to say of each variable that is named like a setting and is none."""
    known = _names_and_groups(model)
    accepted = {also_known, *map(environment_name, known)}
    return [
        _refusal(name, "the environment", _dotted(name), known, environment_name)
        for name in sorted(environ)
        if name.upper().startswith(ENV_PREFIX) and name.upper() not in accepted
    ]


def unknown_key(
    path: Sequence[str], model: type[BaseModel], environ: Mapping[str, str], file: str
) -> str:
    """What to say of a key, as ``("chat", "modle")``: of a group's variable, or of ``file``."""
    group = environment_name(path[0])
    as_json = next((value for name, value in environ.items() if name.upper() == group), "")
    name = ".".join(path)
    found_in = group if f'"{path[-1]}"' in as_json else file
    return _refusal(name, found_in, name, _names_and_groups(model), str)


def _refusal(
    name: str, found_in: str, dotted: str, known: Sequence[str], spelt: Callable[[str], str]
) -> str:
    meant = [spelt(one) for one in _meant(dotted, known)]
    if meant:
        return f"Unknown setting {name} in {found_in}: did you mean {' or '.join(meant)}?"
    everything = ", ".join(sorted(map(spelt, known)))
    return f"Unknown setting {name} in {found_in}. Known settings: {everything}."


def _meant(dotted: str, known: Collection[str]) -> list[str]:
    """The nearest name; else those whose last word is nearest, in whatever group."""
    nearest = get_close_matches(dotted, known, n=1, cutoff=_LIKE_THE_NAME)
    if nearest:
        return nearest
    words = {name.rpartition(".")[2] for name in known}
    word = get_close_matches(dotted.rpartition(".")[2], words, n=1, cutoff=_LIKE_THE_WORD)
    return [name for name in known if name.rpartition(".")[2] in word][:_MOST_MEANT]


def _dotted(variable: str) -> str:
    return variable[len(ENV_PREFIX) :].lower().replace("__", ".")


def _names_and_groups(model: type[BaseModel]) -> list[str]:
    groups = [name for name, info in model.model_fields.items() if _group(info.annotation)]
    return [*field_names(model), *groups]


def _group(annotation: Any) -> type[BaseModel] | None:
    """The model that a field's annotation is; None for a plain setting."""
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None
