"""Folders of unfinished work: made and removed side by side by several jobs."""

import threading

from lodestone.runtime.files import make_folder, remove_folder, write_text


def test_what_a_removed_folder_leaves_empty_goes_too(tmp_path):
    folder = tmp_path / "results" / "state" / "arm" / "0000"
    write_text(folder / "batch", "")
    write_text(tmp_path / "results" / "state" / "other" / "0000" / "batch", "")
    remove_folder(folder, up_to="state")
    assert sorted(p.name for p in (tmp_path / "results" / "state").iterdir()) == ["other"]
    remove_folder(tmp_path / "results" / "state" / "other" / "0000", up_to="state")
    assert (tmp_path / "results").is_dir()
    assert not (tmp_path / "results" / "state").exists()


def test_nothing_above_is_touched_without_the_named_folder(tmp_path):
    write_text(tmp_path / "a" / "b" / "batch", "")
    remove_folder(tmp_path / "a" / "b", up_to="state")
    assert (tmp_path / "a").is_dir()
    remove_folder(tmp_path / "none", up_to="state")


def test_a_folder_can_be_made_while_others_take_its_parents_away(tmp_path):
    faults = []

    def work(name):
        folder = tmp_path / "state" / "arm" / name
        try:
            for _ in range(30):
                make_folder(folder)
                write_text(folder / "batch", "x")
                remove_folder(folder, up_to="state")
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert not (tmp_path / "state").exists()
