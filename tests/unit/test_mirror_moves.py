"""Files under other names: what is a move, and what is not."""

from __future__ import annotations

from pathlib import Path

from tests.mirror_parts import known, mirror, outline, write


def test_a_renamed_file_is_moved_and_not_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"sub/b.txt": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> sub/b.txt"]}


def test_another_suffix_is_another_document_even_with_the_same_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["a.md"], "delete": ["a.txt"]}


def test_case_of_the_suffix_does_not_matter_to_a_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.TXT": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> b.TXT"]}


def test_a_copy_is_loaded_because_the_original_is_still_there(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["b.txt"], "touch": ["a.txt"]}


def test_of_two_copies_of_a_lost_file_one_is_its_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one", "c.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["c.txt"], "move": ["a.txt -> b.txt"]}


def test_two_lost_files_of_one_content_and_one_new_name_leave_one_deletion(tmp_path: Path) -> None:
    write(tmp_path, {"c.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "one"))
    assert outline(made) == {"move": ["a.txt -> c.txt"], "delete": ["b.txt"]}


def test_copies_in_a_renamed_folder_keep_their_names(tmp_path: Path) -> None:
    write(tmp_path, {"new/x/b.txt": "one", "new/y/a.txt": "one"})
    made = mirror(tmp_path, known("old/a.txt", "one"), known("old/b.txt", "one"))
    assert outline(made) == {"move": ["old/b.txt -> new/x/b.txt", "old/a.txt -> new/y/a.txt"]}


def test_a_name_in_other_case_is_a_move(tmp_path: Path) -> None:
    write(tmp_path, {"Readme.TXT": "one"})
    made = mirror(tmp_path, known("README.txt", "one"))
    assert outline(made) == {"move": ["README.txt -> Readme.TXT"]}


def test_what_an_older_loader_read_is_not_moved_but_read_again(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one", loader="text/0"))
    assert outline(made) == {"load": ["b.txt"], "delete": ["a.txt"]}


def test_two_files_that_swapped_names_cost_no_parsing(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "two", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"move": ["b.txt -> a.txt", "a.txt -> b.txt"]}


def test_names_that_went_around_in_a_ring_cost_no_parsing(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "three", "b.txt": "one", "c.txt": "two", "d.txt": "new"})
    held = [known("a.txt", "one"), known("b.txt", "two"), known("c.txt", "three")]
    made = mirror(tmp_path, *held, known("d.txt", "old"))
    assert outline(made) == {
        "load": ["d.txt"],
        "move": ["c.txt -> a.txt", "a.txt -> b.txt", "b.txt -> c.txt"],
    }


def test_a_file_copied_over_another_replaces_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"load": ["b.txt"], "touch": ["a.txt"]}


def test_a_file_renamed_over_another_replaces_it(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"load": ["b.txt"], "delete": ["a.txt"]}
    assert made.load[0].known == known("b.txt", "two")


def test_a_chain_of_names_that_ends_is_no_ring(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "new", "b.txt": "one", "c.txt": "two"})
    held = [known("a.txt", "one"), known("b.txt", "two"), known("c.txt", "three")]
    made = mirror(tmp_path, *held)
    assert outline(made) == {"load": ["a.txt", "b.txt", "c.txt"]}


def test_a_copy_made_before_a_file_was_edited_is_a_new_document(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "edited", "a-old.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["a-old.txt", "a.txt"]}
    assert [item.known is None for item in made.load] == [True, False]


def test_a_folder_in_place_of_a_file_of_its_name_and_the_reverse(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt/b.txt": "two", "c.txt": "three"})
    made = mirror(tmp_path, known("a.txt", "one"), known("c.txt/d.txt", "four"))
    assert outline(made) == {
        "load": ["a.txt/b.txt", "c.txt"],
        "delete": ["a.txt", "c.txt/d.txt"],
    }


def test_a_file_moved_into_a_folder_of_its_own_name_is_moved(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt/a.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"move": ["a.txt -> a.txt/a.txt"]}
