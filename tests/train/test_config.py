"""A typing slip in an experiment is an error in words, never a silent default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from train.config import Experiment, OptimConfig, SourceConfig
from train.config_file import load_experiment

CONFIGS = Path(__file__).resolve().parents[2] / "train" / "configs"
TOML = """
name = "tiny"
seed = 3
labels = "speech"

[architecture]
framework = "unimodal"

[architecture.encoder]
family = "compact_speech"
channels = [16, 16]

[sources.speech]
corpora = { ravdess = 1, nemo = 0.5 }
speeds = [0.9, 1]

[loss_weights]
classification = 2

[optim]
epochs = 2
learning_rate = 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TOML, encoding="utf-8")
    return tmp_path / "tiny.toml"


def test_a_file_holds_differences_from_the_defaults(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.seed == 3
    assert experiment.optim == OptimConfig(epochs=2, learning_rate=1.0)
    source = experiment.sources["speech"]
    assert source == SourceConfig({"ravdess": 1.0, "nemo": 0.5}, speeds=(0.9, 1.0))
    assert experiment.architecture["encoder"]["channels"] == [16, 16]
    assert experiment.drop_modality == {}


def test_integers_become_floats_in_float_fields(path: Path) -> None:
    experiment = load_experiment(path)
    assert isinstance(experiment.optim.learning_rate, float)
    assert isinstance(experiment.loss_weights["classification"], float)
    assert all(isinstance(speed, float) for speed in experiment.sources["speech"].speeds)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("seed=9", lambda e: e.seed == 9),
        ("optim.epochs=5", lambda e: e.optim.epochs == 5),
        ("optim.learning_rate=3e-4", lambda e: e.optim.learning_rate == 3e-4),
        ("optim.schedule=cosine", lambda e: e.optim.schedule == "cosine"),
        ('optim.schedule="cosine"', lambda e: e.optim.schedule == "cosine"),
        ("freeze_encoders=true", lambda e: e.freeze_encoders is True),
        ("sources.speech.speeds=[1.0]", lambda e: e.sources["speech"].speeds == (1.0,)),
        ("sources.speech.corpora.nemo=0", lambda e: e.sources["speech"].corpora["nemo"] == 0),
        ("drop_modality.text=0.3", lambda e: e.drop_modality == {"text": 0.3}),
        ("architecture.encoder.width=8", lambda e: e.architecture["encoder"]["width"] == 8),
        ("name=a=b", lambda e: e.name == "a=b"),
        ("view_seed=4", lambda e: (e.seed, e.seed_of_views) == (3, 4)),
        ("seed=9", lambda e: e.seed_of_views == 9),
    ],
)
def test_overrides(path: Path, override: str, read: object) -> None:
    assert callable(read)
    assert read(load_experiment(path, [override]))


def test_the_last_override_wins(path: Path) -> None:
    assert load_experiment(path, ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epoch=3", "tiny has no key epoch; keys are name, seed"),
        ("optim.epoch=3", "tiny.optim has no key epoch; keys are epochs"),
        ("sources.speech.crop=3", "tiny.sources.speech has no key crop; keys are corpora"),
        ("seed", "write it as key=value"),
        ("seed=many", "tiny.seed = 'many': must be int"),
        ("seed=1.5", "tiny.seed = 1.5: must be int"),
        ("seed=true", "tiny.seed = True: must be int"),
        ("freeze_encoders=1", "must be bool"),
        ("view_seed=x", "tiny.view_seed = 'x': must be int"),
        ("optim.clip=much", "tiny.optim.clip = 'much': must be float"),
        ("sources.speech.speeds=1.0", "tiny.sources.speech.speeds = 1.0: must be a list"),
        ("sources.speech.speeds=['x']", "must be float"),
        ("optim.clip=nan", "tiny.optim.clip = nan: must be finite"),
        ("loss_weights.ce=inf", "tiny.loss_weights.ce = inf: must be finite"),
        ("architecture.dropout=nan", "tiny.architecture.dropout = nan: must be finite"),
        ("architecture.encoder.channels=[4, -inf]", "encoder.channels = -inf: must be finite"),
        ("sources.speech.speeds=[nan]", "must be finite"),
        ("optim=3", "tiny.optim = 3: must be a table"),
        ("loss_weights=3", "tiny.loss_weights = 3: must be a table"),
        ("name.first=3", "name is a value and has no keys"),
        ("labels=five", "must be one of four, speech, text"),
        ("sources.speech.corpora.iemocop=1", "no corpus 'iemocop'; corpora are ravdess"),
        ("sources.speech.noise_db=[20, 5]", "must be two numbers, lower first"),
    ],
)
def test_mistakes_are_named(path: Path, override: str, message: str) -> None:
    with pytest.raises(ValueError) as mistake:
        load_experiment(path, [override])
    assert message in str(mistake.value)


def test_a_missing_name_is_named(tmp_path: Path) -> None:
    (tmp_path / "bare.toml").write_text("seed = 1", encoding="utf-8")
    with pytest.raises(ValueError, match="bare lacks name"):
        load_experiment(tmp_path / "bare.toml")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("seed = = 1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"broken\.toml: .*line 1"):
        load_experiment(tmp_path / "broken.toml")


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_experiments_are_valid(config: Path) -> None:
    assert isinstance(load_experiment(config), Experiment)


def test_what_changes_texts_leaves_the_features_of_clips_as_they_are() -> None:
    plain, spoken = SourceConfig(), SourceConfig(transcript_probability=0.5)
    assert plain.changes("speech") == spoken.changes("speech")
    assert plain.changes("text") != spoken.changes("text")


@pytest.mark.parametrize("framework", ["mgcma_default", "foal_net_default"])
def test_what_ships_shares_the_cache_of_its_speech_encoder(framework: str) -> None:
    """The cache's key: seed, corpora, augmentation and number of copies."""
    whole, encoder = (load_experiment(CONFIGS / f"{n}.toml") for n in (framework, "speech"))
    mine, its = whole.sources["speech"], encoder.sources["speech"]
    assert whole.cache_frozen
    assert (whole.seed, mine.corpora, mine.views) == (encoder.seed, its.corpora, its.views)
    assert mine.changes("speech") == its.changes("speech")


def test_how_films_are_read_changes_no_key_of_other_caches() -> None:
    """Features of augmented copies are cached by these names and the contents of the examples."""
    changes = SourceConfig(picture="whole", picture_size=48).changes("speech")
    assert changes == SourceConfig().changes("speech")
    assert not {"picture", "picture_size"} & changes.keys()


def test_an_unknown_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match="picture = 'half': must be face or whole"):
        SourceConfig(picture="half")


def test_recipes_say_where_every_value_is_from() -> None:
    """Of the papers' own experiments: a tag in the line, or in the comment above it."""
    recipes = sorted(CONFIGS.glob("*_iemocap*.toml"))
    assert len(recipes) == 3
    for recipe in recipes:
        for line in recipe.read_text("utf-8").splitlines():
            key, equals, rest = line.partition(" = ")
            if equals and not line.startswith("#") and key not in ("name", "framework", "family"):
                _, hash_sign, source = rest.rpartition(" # ")
                assert hash_sign, f"{recipe.stem}: {line}"
                assert re.match(r"\[[A-Z]\] ?|the epoch is", source), f"{recipe.stem}: {line}"


def test_foal_net_as_released_differs_where_the_code_does() -> None:
    ours, released = (
        load_experiment(CONFIGS / f"{name}.toml")
        for name in ("foal_net_iemocap", "foal_net_iemocap_released")
    )
    assert released.architecture["temperature"] == 2.659
    assert released.architecture["average_positives"] is False
    assert (released.optim.schedule, released.optim.warmup) == ("constant", 0.0)
    assert released.architecture["audio_encoder"]["max_seconds"] == 6.0
    assert released.sources["speech"].crop_seconds == 0.0
    assert released.drop_modality == {}
    assert ours.architecture["average_positives"] is True
    for recipe in (ours, released):
        assert recipe.natural_corpora == ("iemocap",)
        assert recipe.optim.select


def test_how_the_machine_is_used_is_set_like_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('name = "a"\n[engine]\nworkers = 2\n')
    experiment = load_experiment(path, ["engine.save_updates=50"])
    assert (experiment.engine.workers, experiment.engine.save_updates) == (2, 50)
    for setting in ("workers=-2", "save_updates=-1"):
        with pytest.raises(ValueError, match="or more"):
            load_experiment(path, [f"engine.{setting}"])
