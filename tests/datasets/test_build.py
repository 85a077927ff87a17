"""Datasets are prepared by one process at a time."""

import threading

from mmf_like.datasets.build import locked


def test_only_one_prepares_at_a_time(tmp_path):
    inside, seen = [], []

    def work():
        with locked("d", tmp_path):
            inside.append(1)
            seen.append(len(inside))
            threading.Event().wait(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1, 1, 1, 1]


def test_without_a_folder_nothing_is_locked():
    with locked("d", None):
        pass
