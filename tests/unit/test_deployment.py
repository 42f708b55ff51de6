"""What can break in the deployment files and the sample knowledge base without being run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from pypdf import PdfReader

from rag_service.setting_names import environment_name, field_names
from rag_service.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
KNOWLEDGE = ROOT / "examples" / "knowledge"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.sub(r"\\\n", "", DOCKERFILE)  # one line each
ENV_EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
SETTING_NAMES = {environment_name(name) for name in field_names(Settings)}
ENCODINGS = {"差旅报销制度.txt": "gbk", "臺灣維修服務條款.txt": "big5"}


def compose(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return content


BASE = compose("docker-compose.yml")
GPU = compose("docker-compose.gpu.yml")


def image_environment() -> dict[str, str]:
    (block,) = re.findall(r"^ENV (PATH=\S+ +LANG.*)$", INSTRUCTIONS, flags=re.MULTILINE)
    return dict(pair.split("=", 1) for pair in block.split())


def copied_from_context() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", INSTRUCTIONS, flags=re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


# --- names ---------------------------------------------------------------------------------


def test_every_rag_variable_is_a_setting() -> None:
    files = ["Dockerfile", "docker-compose.yml", "docker-compose.gpu.yml", ".env.example"]
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    named = set(re.findall(r"\bRAG_[A-Z][A-Z_]*[A-Z]\b", text))
    assert "RAG_CHAT__MODEL" in named
    assert named - SETTING_NAMES == set()


def test_variables_that_steer_compose_are_documented_and_are_not_taken_for_settings() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    interpolated = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert interpolated == {name for name in ENV_EXAMPLE if not name.startswith("RAG_")}
    assert not [name for name in interpolated if name.startswith("RAG_")]


def test_env_example_as_it_stands_changes_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV_EXAMPLE.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == Settings()


def test_env_example_states_the_defaults_of_compose() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text))
    assert defaults == {name: ENV_EXAMPLE[name] for name in defaults}


def test_gpu_build_arguments_are_declared_in_the_dockerfile() -> None:
    declared = set(re.findall(r"^ARG ([A-Z_]+)", DOCKERFILE, flags=re.MULTILINE))
    arguments = {**BASE["x-rag"]["build"]["args"], **GPU["x-gpu"]["build"]["args"]}
    assert set(arguments) - declared == set()
    assert set(GPU["services"]) == set(BASE["services"])


def test_documents_name_only_make_targets_that_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = "\n".join(re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL))
    named = set(re.findall(r"`make ([a-z]+)", text))
    named |= set(re.findall(r"^\$? *make ([a-z]+)", blocks, flags=re.MULTILINE))
    assert {"run", "test"} <= named <= make_targets()


def test_make_without_a_target_lists_all_of_them() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([a-z]+)", done.stdout, re.MULTILINE)) == make_targets()


# --- image ---------------------------------------------------------------------------------


@pytest.mark.parametrize("source", copied_from_context())
def test_what_the_image_copies_exists_and_is_not_ignored(source: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignore  # nothing but what is named below it enters the build
    assert (ROOT / source.removeprefix("./")).exists()
    assert f"!{source.removeprefix('./')}" in ignore


def test_the_image_installs_the_dependencies_of_the_project() -> None:
    (code,) = re.findall(r"python -c '([^']+)'", INSTRUCTIONS)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["openai"], *extras["ocr"]]
    assert done.stdout.splitlines() == wanted


def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]


def test_data_folder_is_the_same_in_image_and_compose() -> None:
    data = image_environment()["RAG_DATA_DIR"]
    assert re.findall(r"^VOLUME (.+)$", DOCKERFILE, flags=re.MULTILINE) == [json.dumps([data])]
    for service in BASE["services"].values():
        assert service["environment"]["RAG_DATA_DIR"] == data
        assert f"data:{data}" in service["volumes"]
    assert "data" in BASE["volumes"]


def test_port_is_the_same_everywhere_and_published_to_this_machine_only() -> None:
    port = str(Settings().api.port)
    assert image_environment()["RAG_API__PORT"] == port
    assert re.findall(r"^EXPOSE (.+)$", DOCKERFILE, flags=re.MULTILINE) == [port]
    assert BASE["services"]["rag"]["environment"]["RAG_API__PORT"] == port
    assert BASE["services"]["rag"]["ports"] == [
        "${PUBLISH_ADDRESS:-127.0.0.1}:${PUBLISH_PORT:-" + port + "}:" + port
    ]


@contextmanager
def health_server(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *args: object) -> None:  # keep the test's output quiet
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def healthcheck(port: int) -> int:
    (line,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", INSTRUCTIONS, flags=re.MULTILINE)
    command = [sys.executable, *json.loads(line)[1:]]
    proxy = "http://127.0.0.1:9"  # nothing answers there
    environment = {"RAG_API__PORT": str(port), "http_proxy": proxy}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode


@pytest.mark.parametrize(("status", "exit_code"), [(200, 0), (404, 1), (503, 1)])
def test_health_check_of_the_image_tells_a_healthy_service(status: int, exit_code: int) -> None:
    with health_server(status) as port:
        assert healthcheck(port) == exit_code


def test_health_check_of_the_image_fails_when_nothing_listens() -> None:
    with health_server(200) as port:
        pass
    assert healthcheck(port) == 1


# --- compose -------------------------------------------------------------------------------

# What containers that share their data must agree on.
SHARED = ("image", "build", "volumes", "environment", "env_file")


@pytest.mark.parametrize("name", ["rag", "worker", "ingest"])
def test_containers_have_no_more_rights_than_they_need(name: str) -> None:
    service = BASE["services"][name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume.endswith(":ro") for volume in service["volumes"] if "data:" not in volume)


def test_ingest_is_a_job_that_runs_once_on_request_with_the_image_of_the_service() -> None:
    ingest, rag = BASE["services"]["ingest"], BASE["services"]["rag"]
    assert ingest["command"] == ["rag", "ingest", "/documents"]
    assert (ingest["profiles"], ingest["restart"]) == (["ingest"], "no")
    assert ingest["network_mode"] == "none"
    assert [ingest[key] for key in SHARED] == [rag[key] for key in SHARED]
    assert "profiles" not in rag


def test_worker_comes_up_with_the_service_which_then_starts_none_itself() -> None:
    worker, rag = BASE["services"]["worker"], BASE["services"]["rag"]
    assert (worker["command"], worker["network_mode"]) == (["rag", "worker"], "none")
    assert "profiles" not in worker
    assert worker["restart"] == rag["restart"] == "unless-stopped"
    assert worker["healthcheck"] == {"disable": True}
    assert [worker[key] for key in SHARED] == [rag[key] for key in SHARED]
    assert rag["environment"]["RAG_INGEST__WORKER"] == "external"


def test_gpu_override_puts_the_whole_chat_model_on_the_gpu() -> None:
    for service in GPU["services"].values():
        assert service["environment"] == {"RAG_CHAT__GPU_LAYERS": "-1"}
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


# --- sample knowledge base -----------------------------------------------------------------


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def document_text(path: Path) -> str:
    if path.suffix == ".pdf":
        return "\n".join(page.extract_text() for page in PdfReader(path).pages)
    return path.read_text(encoding=ENCODINGS.get(path.name, "utf-8"))


QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("question", QUESTIONS, ids=[q["id"] for q in QUESTIONS])
def test_sample_answers_stand_in_the_documents_they_name(question: dict[str, Any]) -> None:
    assert set(question) == {"id", "question", "lang", "answers", "sources", "answerable"}
    assert bool(question["answers"]) == bool(question["sources"]) == question["answerable"]
    for source in question["sources"]:
        text = squeezed(document_text(KNOWLEDGE / source))
        assert [a for a in question["answers"] if squeezed(a) not in text] == []


def test_sample_questions_have_distinct_ids_and_cover_three_scripts_and_refusals() -> None:
    assert len({q["id"] for q in QUESTIONS}) == len(QUESTIONS)
    for language in ("en", "zh", "zh-Hant"):
        answerable = [q["answerable"] for q in QUESTIONS if q["lang"] == language]
        assert answerable.count(True) >= 4
        assert answerable.count(False) == 2


@pytest.mark.parametrize("source", sorted((ROOT / "examples" / "pdf_sources").glob("*.txt")))
def test_sample_pdfs_hold_the_text_of_their_sources_page_by_page(source: Path) -> None:
    head, body = source.read_text(encoding="utf-8").split("\n---\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    path = KNOWLEDGE / header["file"]
    pages = PdfReader(path).pages
    wanted = [re.sub(r"^#+ ", "", page, flags=re.MULTILINE) for page in body.split("\n===\n")]
    assert [squeezed(page.extract_text()) for page in pages] == [squeezed(page) for page in wanted]
    assert len(pages) >= 2
    assert path.stat().st_size < 30_000


@pytest.mark.parametrize(("name", "encoding"), sorted(ENCODINGS.items()))
def test_some_sample_texts_are_in_legacy_encodings(name: str, encoding: str) -> None:
    (path,) = KNOWLEDGE.rglob(name)
    data = path.read_bytes()
    assert data.decode(encoding).startswith("北岑")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
