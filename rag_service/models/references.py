"""How a model of a hub is named, and how the GGUF files of one are told apart.

``owner/name``, ``owner/name:Q4_K_M`` (the file of that quantisation) or ``owner/name/file.gguf``.
A large model comes as ``…-00001-of-00003.gguf`` and so on; its first part stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

GGUF = ".gguf"

_TAG = re.compile(r"\w[\w.-]*")
_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)", re.IGNORECASE)
# How llama.cpp names its quantisations: Q4_K_M, IQ2_XXS, BF16, MXFP4 …
_QUANTISATION = re.compile(
    r"(?<![A-Za-z0-9])((?:UD-)?(?:I?Q\d(?:_\w+)?|TQ\d_\d|BF16|F16|F32|MXFP4(?:_\w+)?))(?=[-./]|$)",
    re.IGNORECASE,
)
# Tags that Ollama's library has, and no provider's models are called: 4b, 8x7b-instruct, latest.
_SIZE = re.compile(r"e?\d+(?:\.\d+)?(?:x\d+)?[bm](?:-[\w.-]+)?|latest", re.IGNORECASE)
_PROJECTOR = re.compile(r"mmproj", re.IGNORECASE)  # sees pictures; cannot chat by itself


@dataclass(frozen=True, slots=True)
class Reference:
    """A model of a hub. At most one of ``tag`` and ``file`` says which of its GGUF files."""

    repository: str
    tag: str = ""
    file: str = ""

    def __str__(self) -> str:
        named = f"/{self.file}" if self.file else ""
        return self.repository + (f":{self.tag}" if self.tag else named)


def parse_reference(text: str) -> Reference | None:
    """What ``text`` refers to; None for what cannot be a reference, such as most paths."""
    named, colon, tag = text.partition(":")
    owner, _, rest = named.partition("/")
    name, _, file = rest.partition("/")
    if not (_is_name(owner) and _is_name(name)) or name.lower().endswith(GGUF):
        return None
    if colon and (file or not _TAG.fullmatch(tag)):
        return None
    if file and not (file.lower().endswith(GGUF) and all(map(_is_name, file.split("/")))):
        return None
    return Reference(f"{owner}/{name}", tag, file)


def lacks_organisation(text: str) -> bool:
    """Whether this says which file of a model is meant, but not whose model, as qwen3:4b does."""
    name, _, tag = text.partition(":")
    means_a_file = _SIZE.fullmatch(tag) or _QUANTISATION.fullmatch(tag)
    return means_a_file is not None and _TAG.fullmatch(name) is not None


def is_repository_name(name: str) -> bool:
    """Whether this can name a model of a hub, "organisation/name", and thus a folder in ours."""
    found = parse_reference(name)
    return found is not None and found.repository == name


def tag_of(path: str) -> str:
    """The quantisation a GGUF file is named after, as Q4_K_M; "" if none."""
    found = _QUANTISATION.findall(model_name(path))
    return str(found[-1]) if found else ""


def model_name(file: str) -> str:
    """What a GGUF file is called, without its ending and the number of a part."""
    return re.sub(rf"{re.escape(GGUF)}$", "", _PART.sub("", file), flags=re.IGNORECASE)


def parts_of(path: str) -> list[str]:
    """The names of all the files that make up the model of which ``path`` is one."""
    part = _PART.search(path)
    if part is None or not 0 < int(part[1]) <= int(part[2]):
        return [path]
    count = int(part[2])
    before, after = path[: part.start()], f"-of-{part[2]}{path[part.end() :]}"
    return [f"{before}-{number:05}{after}" for number in range(1, count + 1)]


def first_parts(paths: Iterable[str]) -> list[str]:
    """Of these files those that can be opened as a chat model: no later parts, no projectors."""
    found = [path for path in paths if path.lower().endswith(GGUF) and parts_of(path)[:1] == [path]]
    return sorted(path for path in found if not _PROJECTOR.search(PurePosixPath(path).name))


def matching(reference: Reference, paths: Sequence[str]) -> list[str]:
    """Those of a repository's files that ``reference`` may mean; Q4_K_M also means UD-Q4_K_M."""
    if reference.file:
        return [path for path in paths if path == reference.file]
    tag = reference.tag.lower()
    exact = [path for path in paths if not tag or tag_of(path).lower() == tag]
    return exact or [path for path in paths if tag_of(path).lower() == f"ud-{tag}"]


def choices(repository: str, paths: Sequence[str]) -> str:
    """The ways to say which of these files is meant, for an error message; "none" for none."""
    tags = [tag_of(path) for path in paths]
    if all(tags) and len(set(tags)) == len(tags):
        return ", ".join(f"{repository}:{tag}" for tag in tags) or "none"
    return ", ".join(f"{repository}/{path}" for path in paths)


def _is_name(part: str) -> bool:
    return bool(part) and part[0] not in ".~" and "\\" not in part
