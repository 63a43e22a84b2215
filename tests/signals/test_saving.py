import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from feeds.errors import SignalError
from feeds.store import sha256
from signals.models.lstm_thoughts import build
from signals.models.saving import load_model, save_model

WINDOWS = np.random.default_rng(0).normal(size=(6, 4, 3)).astype("float32")


@pytest.fixture
def saved(tmp_path: Path) -> tuple[keras.Model, Path]:
    model = build(4, 3, size="tiny")
    save_model(model, tmp_path / "model.keras")
    return model, tmp_path / "model.keras"


def test_a_loaded_model_gives_the_same_bits(saved):
    model, path = saved

    assert np.array_equal(load_model(path)(WINDOWS), model(WINDOWS))


def test_the_same_weights_of_two_networks_give_the_same_bytes(saved, tmp_path):
    model, path = saved
    twin = build(4, 3, size="tiny")
    twin.set_weights(model.get_weights())

    save_model(twin, tmp_path / "twin.keras")

    assert path.read_bytes() == (tmp_path / "twin.keras").read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.keras", "twin.keras"]


def test_a_saved_model_holds_no_clock(saved):
    with zipfile.ZipFile(saved[1]) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"1980-01-01@00:00:00" in archive.read("metadata.json")


def test_layers_that_share_an_object_still_share_it_after_loading(tmp_path):
    windows = keras.Input((4, 3))
    shared = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(1))
    model = keras.Model(windows, shared(shared(windows)))

    save_model(model, tmp_path / "shared.keras")

    assert load_model(tmp_path / "shared.keras").count_params() == model.count_params() == 12


def test_a_model_with_a_lambda_is_refused(tmp_path):
    windows = keras.Input((4, 3))
    keras.Model(windows, keras.layers.Lambda(lambda inputs: inputs[:, 0, :1])(windows)).save(tmp_path / "foreign.keras")

    with pytest.raises(SignalError, match=r"foreign\.keras must be a Keras model of built-in layers only, was refused"):
        load_model(tmp_path / "foreign.keras")


def test_a_model_with_a_class_of_its_own_is_refused(tmp_path):
    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    windows = keras.Input((4, 3))
    keras.Model(windows, Own()(windows)).save(tmp_path / "own.keras")

    with pytest.raises(SignalError, match=r"own\.keras must be a Keras model of built-in layers only, was refused"):
        load_model(tmp_path / "own.keras")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"not a zip")

    with pytest.raises(SignalError, match=r"broken\.keras must be a Keras model of built-in layers only"):
        load_model(tmp_path / "broken.keras")


def test_a_model_other_than_the_expected_one_is_refused(saved, tmp_path):
    path = saved[1]

    load_model(path, sha256(path))
    with pytest.raises(SignalError, match=r"model\.keras must have SHA-256 0{12} as trained"):
        load_model(path, "0" * 64)
    with pytest.raises(SignalError, match=r"absent\.keras must exist, was missing"):
        load_model(tmp_path / "absent.keras")
