import io
import random

import numpy as np
import torch

from mmf_like.trainers.state import Clock, TrainState, random_state, restore_random_state


def draws():
    return random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), torch.rand(()).item()


def test_random_numbers_go_on_where_they_were():
    random.gauss(0, 1), np.random.randn()  # each keeps a second number for later
    stored = random_state()
    expected = draws()
    draws()
    restore_random_state(stored)
    assert draws() == expected


def test_the_state_of_random_numbers_is_read_without_pickle():
    file = io.BytesIO()
    torch.save(random_state(), file)
    file.seek(0)
    stored = torch.load(file, weights_only=True)
    expected = draws()
    restore_random_state(stored)
    assert draws() == expected


def test_counters_travel_and_unknown_ones_are_passed_over():
    state = TrainState(updates=3, batches=6, best_value=0.5, best_results={"val/total_loss": 0.5})
    other = TrainState()
    other.load({**state.to_dict(), "of_a_later_version": 1})
    assert other == state


def test_a_clock_adds_to_what_was_there():
    state = TrainState(seconds=100.0, cpu_seconds=50.0)
    clock = Clock(state)
    clock.tick()
    clock.tick()
    assert state.seconds >= 100.0 and state.cpu_seconds >= 50.0
