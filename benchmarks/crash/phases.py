"""The situations in which ingestion is killed; each takes a stage and a number of kills."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from benchmarks.crash import child
from benchmarks.crash.runs import Forked, Moment
from benchmarks.crash.scene import Scene, Stage
from rag_service.store.uploads import uploads_folder

# Just before or after a step that makes something durable or visible: the run stands still
# there until it is killed. Aimed at native code, it goes on and is killed some time within.
_AFTER_COMMITS = (
    "<catalog open",
    "<catalog add_vectors",
    "<catalog put_documents",
    "<lexical commit",
    ">rename snapshot",
    "<rename snapshot",
    ">rename current",
    "<catalog drop_unused_vectors",
)
_AFTER_CHANGES = ("<catalog remove_documents", "<catalog move_documents", *_AFTER_COMMITS)
_AFTER_PARTS = ("<catalog stage_part", "<catalog put_staged", *_AFTER_COMMITS)
_REBUILDING = (
    ">rename current",
    "<rename current",
    ">drop generations",
    ">remove generation",
    "<drop generations",
)
_WITHIN = {  # and for how many seconds at most
    ">lexical commit": 0.08,
    ">catalog put_documents": 0.005,
    ">catalog add_vectors": 0.005,
    ">snapshot": 0.01,
    ">switch": 0.01,
    ">embed": 0.02,
}


def aimed(scene: Scene, places: Sequence[str]) -> Moment:
    """Half of the moments anywhere in a run, half just at one of the places, or within."""
    rng = scene.stage.rng
    kind = rng.random()
    if kind < 0.5:
        return scene.random_moment()
    nth = rng.choice((1, 1, 1, 2, 3))
    if kind < 0.8:
        return Moment(at=rng.choice(places), nth=nth, pause=True)
    at = rng.choice(list(_WITHIN))
    return Moment(rng.uniform(0, _WITHIN[at]), at, nth)


def _strikes(scene: Scene, kills: int) -> bool:
    """Whether the phase still wants kills."""
    return scene.stage.tally.kills[scene.phase] < kills


def first_ingests(stage: Stage, kills: int) -> None:
    """New collections, each killed some times before it is complete."""
    number = 0
    typical_s = 1.5
    while stage.tally.kills["first ingest"] < kills:
        number += 1
        scene = Scene(stage, "first ingest", f"first-{number}", documents=40)
        scene.typical_s = typical_s
        for _ in range(stage.rng.randint(1, 6)):
            if not scene.strike(scene.ingest(), aimed(scene, _AFTER_COMMITS)):
                break
        scene.finish()
        typical_s = max(typical_s, scene.typical_s)
        scene.close()


def changes(stage: Stage, kills: int) -> None:
    """One collection that is mirrored again and again from a folder that changes in between."""
    scene = Scene(stage, "changes", "changes", documents=48)
    scene.corpus.keep(16)
    scene.finish()
    while _strikes(scene, kills):
        for _ in range(stage.rng.randint(1, 5)):
            scene.corpus.change(stage.rng.choice((0, 4, 12)))
            scene.strike(scene.ingest(), aimed(scene, _AFTER_CHANGES))
        scene.finish()
    scene.close()


def rebuilds(stage: Stage, kills: int) -> None:
    """A collection that is built anew beside the old one, which must go on answering."""
    scene = Scene(stage, "rebuilds", "rebuilds", documents=24)
    scene.corpus.keep(12)
    scene.finish()
    while _strikes(scene, kills):
        scene.corpus.change(4)
        for _ in range(stage.rng.randint(1, 4)):
            scene.strike(scene.ingest("--rebuild"), aimed(scene, _REBUILDING))
        options = stage.rng.choice(((), ("--rebuild",)))
        scene.finish(scene.ingest(*options))
    scene.close()


def watching(stage: Stage, kills: int) -> None:
    """A watcher that is killed and started again while the folder changes under it."""
    scene = Scene(stage, "watch", "watched", documents=32)
    scene.corpus.keep(12)
    scene.finish()
    while _strikes(scene, kills):
        moment = aimed(scene, _AFTER_CHANGES)
        _change_under(scene, moment)
    _follow_to_the_end(scene)
    scene.close()


def _change_under(scene: Scene, moment: Moment) -> None:
    run = scene.ingest("--watch")(moment)
    assert isinstance(run, Forked)
    until = time.monotonic() + (moment.after_s if not moment.at else 3.0)
    while time.monotonic() < until and not run.reached(moment):
        scene.corpus.change(1)
        run.listen(scene.stage.rng.uniform(0, 0.15))
    if moment.at:
        run.listen(moment.after_s)
    scene.end(run)


def _follow_to_the_end(scene: Scene) -> None:
    """Left alone, the watcher makes the collection what the folder is; then told to stop."""
    run = scene.ingest("--watch")(Moment())
    assert isinstance(run, Forked)
    scene.corpus.change(5)
    deadline, idle_since = time.monotonic() + 60, time.monotonic()
    while time.monotonic() < min(deadline, idle_since + 1):
        run.listen(0.05)
        if not (run.is_idle() and scene.inspector.is_mirror()):
            idle_since = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGTERM)
    scene.has_ended(run, run.wait(), (0,))
    scene.check()


def large_files(stage: Stage, kills: int) -> None:
    """Texts that are staged part by part, some of them changed before they are whole."""
    scene = Scene(stage, "large files", "large", documents=8)
    scene.corpus.keep(4)
    sentences = child.LARGE_BYTES // 40  # of 60 to 80 bytes each
    names = [scene.corpus.add(sentences=sentences) for _ in range(2)]
    while _strikes(scene, kills):
        for _ in range(stage.rng.randint(2, 6)):
            if not scene.strike(scene.ingest(), aimed(scene, _AFTER_PARTS)):
                scene.corpus.add(stage.rng.choice(names), sentences=sentences)
        if stage.rng.random() < 0.5:
            scene.finish()
        scene.corpus.add(stage.rng.choice(names), sentences=sentences)
    scene.finish()
    scene.close()


def huge_file(stage: Stage, kills: int) -> None:
    """One text of some 20 MB, in parts as large as they are in the product."""
    scene = Scene(stage, "huge file", "huge", documents=5)
    scene.corpus.add(sentences=250_000)
    start = scene.ingest(real_sizes=True)
    moments = [
        Moment(at="<catalog stage_part", pause=True),
        Moment(stage.rng.uniform(0, 1), at=">embed", nth=2),
        Moment(stage.rng.uniform(0, 0.5), at=">catalog stage_part"),
        Moment(at="<catalog put_staged", pause=True),
        Moment(stage.rng.uniform(0, 2), at=">lexical commit"),
    ]
    for moment in moments[-kills:]:
        scene.strike(start, moment)
    scene.finish(start)
    scene.close()


def uploads(stage: Stage, kills: int) -> None:
    """Files that come over the service, and the worker that takes them in."""
    stage.service.create_collection("uploads")
    root = uploads_folder(stage.library.home("uploads"))
    scene = Scene(stage, "uploads", "uploads", documents=12, root=root)
    _upload(scene, scene.corpus.sources())
    scene.finish(scene.worker)
    while _strikes(scene, kills):
        for _ in range(stage.rng.randint(1, 3)):
            _upload(scene, [scene.corpus.add()])
            _upload(scene, [scene.corpus.update()])
            _delete_upload(scene)
            scene.strike(scene.worker, aimed(scene, _AFTER_CHANGES))
        _upload(scene, [scene.corpus.add()])  # a job that was given up leaves its files to the next
        scene.finish(scene.worker)
        _check_jobs(scene)
    scene.close()


def _upload(scene: Scene, names: Sequence[str]) -> None:
    with scene.stage.service.upload(scene.name) as upload:
        for name in names:
            upload.begin(name)
            upload.write((scene.corpus.root / name).read_bytes())
            upload.end()
        scene.stage.service.accept(upload)


def _delete_upload(scene: Scene) -> None:
    """Delete a document, as over HTTP; its file goes with it."""
    service = scene.stage.service
    listed = service.documents(scene.name, limit=1000, offset=0)
    chosen = scene.stage.rng.choice(listed)
    (scene.corpus.root / chosen.source).unlink(missing_ok=True)
    service.delete_document(scene.name, chosen.doc_id)


def _check_jobs(scene: Scene) -> None:
    for job in scene.stage.service.jobs.recent(collection=scene.name, limit=1000):
        files = {file.status for file in job.files}
        given_up = job.code == "worker_died"
        if job.status != "done" and not given_up:
            scene.problem(f"job {job.job_id} is {job.status}: {job.code} {job.message}{job.note}")
        elif not given_up and not files <= {"indexed", "replaced", "removed"}:
            scene.problem(f"job {job.job_id} is done, but its files are {sorted(files)}")


def commands(stage: Stage, kills: int) -> None:
    """The command as a user starts it, with the real model."""
    scene = Scene(stage, "rag ingest", "commands", documents=60)
    scene.corpus.keep(10)
    scene.typical_s = 12.0
    while _strikes(scene, kills):
        for _ in range(stage.rng.randint(3, 5)):
            scene.strike(scene.command(), scene.random_moment())
        scene.finish(scene.command())
        scene.corpus.change(10)
    scene.finish(scene.command())
    scene.close()


def watched_commands(stage: Stage, kills: int) -> None:
    """`rag ingest --watch` as a user starts it."""
    scene = Scene(stage, "rag ingest --watch", "watched-commands", documents=20)
    scene.corpus.keep(10)
    scene.finish(scene.command())
    while _strikes(scene, kills):
        run = scene.command("--watch")(Moment())
        until = time.monotonic() + stage.rng.uniform(0, 20)
        while run.is_running() and time.monotonic() < until:
            scene.corpus.change(1)
            time.sleep(stage.rng.uniform(0, 1))
        scene.end(run)
    scene.finish(scene.command())
    scene.close()
