import json

import pytest
import torch
from omegaconf import OmegaConf

from mmf_like.common.errors import ConfigError, DataError, RegistryError
from mmf_like.common.registry import registry
from mmf_like.datasets.processors.base import BaseProcessor, BatchProcessor, Processor, build_processors


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "words.txt").write_text("dog\ncat\n")
    (tmp_path / "answers.txt").write_text("yes\nno\n")
    return tmp_path


def configs():
    sentence = {"type": "simple_sentence"}
    return OmegaConf.create(
        {
            "text_processor": {
                "type": "vocab",
                "params": {"max_length": 3, "vocab": {"vocab_file": "words.txt"}, "preprocessor": sentence},
            },
            "answer_processor": {
                "type": "vqa_answer",
                "params": {"vocab_file": "answers.txt", "num_answers": 4},
                "preprocessor": {"type": "simple_word"},
            },
        }
    )


def test_processors_are_built_from_their_configs(data_dir):
    built = build_processors(configs(), data_dir=data_dir)
    text = built["text_processor"]({"text": "The dog?"})
    assert (text["text"].tolist(), text["length"].item()) == ([3, 4, 0], 2)
    assert built["answer_processor"]({"answers": ["Yes", "no"]})["answers_indices"].tolist() == [1, 2, 1, 2]


def test_splits_share_processors(data_dir):
    share = {}
    first = build_processors(configs(), data_dir=data_dir, share=share)
    second = build_processors(configs(), data_dir=data_dir, share=share)
    assert first["text_processor"] is second["text_processor"] and list(share) == list(first)


def test_processors_travel_without_their_files(data_dir):
    for processor in build_processors(configs(), data_dir=data_dir).values():
        saved = json.loads(json.dumps(processor.to_dict()))
        for file in data_dir.iterdir():
            assert file.name not in saved["vocab"]["words"]
        again = BaseProcessor.from_dict(saved)
        assert type(again) is type(processor) and again.to_dict() == saved
        assert again.vocab.words == processor.vocab.words
        item = {"text": "a cat", "answers": ["no"]}
        got, want = again(item), processor(item)
        assert all(torch.equal(got[k], want[k]) for k in want if isinstance(want[k], torch.Tensor))


def test_errors_name_the_place(data_dir):
    place = "dataset_config.vqa2.processors"
    with pytest.raises(RegistryError) as error:
        build_processors({"text_processor": {"type": "vocabs"}}, place=place)
    assert str(error.value).startswith(
        f"{place}.text_processor.type: No processor is registered as 'vocabs'. Did you mean 'vocab'?"
    )
    with pytest.raises(ConfigError) as error:
        build_processors({"t": {"type": "vocab", "param": {}}}, place=place)
    assert str(error.value) == f"{place}.t.param is not a setting of a processor. Did you mean 'params'?"
    with pytest.raises(ConfigError, match=r"processors.t must name a processor, as {type: vocab"):
        build_processors({"t": {"params": {}}})
    with pytest.raises(DataError, match=f"There is no vocabulary file {data_dir}/nope.txt"):
        build_processors({"t": {"type": "vqa_answer", "params": {"vocab_file": "nope.txt"}}}, data_dir=data_dir)


def test_the_wrapper_passes_on():
    wrapper = Processor({"type": "vocab", "params": {"vocab": ["x"], "max_length": 2}})
    assert wrapper({"tokens": ["x"]})["text"].tolist() == [4, 0]
    assert wrapper.get_vocab_size() == 5
    with pytest.raises(AttributeError):
        wrapper.nope  # noqa: B018


def test_a_batch_processor_has_processors():
    batch = BatchProcessor({"processors": {"words": {"type": "simple_word"}}})
    assert batch.processors["words"]({"text": "What?"}) == {"text": "what"}


def test_custom_vectors_get_rows_for_the_special_words(tmp_path):
    from mmf_like.datasets.processors.text_processors import VocabProcessor

    torch.save(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), tmp_path / "v.pt")
    vocab = {"type": "custom", "words": ["x", "y"], "embedding_file": str(tmp_path / "v.pt")}
    assert VocabProcessor({"vocab": vocab}).vectors.tolist() == [[0, 0]] * 4 + [[1, 2], [3, 4]]
    with pytest.raises(DataError, match=r"has vectors of shape \(2, 2\), but the vocabulary has 3 words \(7 with"):
        VocabProcessor({"vocab": {**vocab, "words": ["x", "y", "z"]}})


@pytest.mark.parametrize(
    ("vocab", "text"),
    [
        ({"type": "pretrained"}, "vocab.type 'pretrained' takes its vectors from GloVe or other downloads"),
        (
            {"type": "randon"},
            "vocab.type 'randon' is not known: random, custom, model. Did you mean 'random'?",
        ),
        (
            {"type": "random"},
            r"The processor 'vocab' needs vocab.vocab_file \(one word a line\) or vocab.words.",
        ),
    ],
)
def test_vocabularies_that_cannot_be_had(vocab, text):
    with pytest.raises(ConfigError, match=text.replace("?", r"\?")):
        build_processors({"t": {"type": "vocab", "params": {"vocab": vocab}}})


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"type": "vocab", "params": {"vocab": ["x"], "max_lenght": 3}},
            "here.t.params.max_lenght is not a param of the processor 'vocab'. Did you mean 'max_length'? "
            "It takes: max_length, vocab, preprocessor.",
        ),
        (
            {"type": "vqa_answer", "params": {"words": ["x"], "bogus": 3}},
            "here.t.params.bogus is not a param of the processor 'vqa_answer'. "
            "It takes: vocab_file, words, num_answers, preprocessor.",
        ),
        (
            {"type": "torchvision_transforms", "params": {"transform": ["ToTensor"]}},
            "here.t.params.transform is not a param of the processor 'torchvision_transforms'. "
            "Did you mean 'transforms'? It takes: transforms.",
        ),
        (
            {"type": "simple_word", "params": {"bogus": 3}},
            "here.t.params.bogus is not a param of the processor 'simple_word'. It takes: nothing.",
        ),
    ],
)
def test_a_param_that_a_processor_does_not_read_is_refused(config, text):
    with pytest.raises(ConfigError) as error:
        build_processors({"t": config}, place="here")
    assert str(error.value) == text


def test_what_mmf_writes_into_every_processor_is_passed_over():
    params = {"vocab": ["x"], "data_dir": "d", "model_data_dir": "d"}
    assert build_processors({"t": {"type": "vocab", "params": params}})["t"].get_vocab_size() == 5


def test_every_processor_of_ours_says_which_params_it_reads():
    for name in registry.names("processor"):
        found = registry.find("processor", name)
        assert not found.__module__.startswith("mmf_like.") or "PARAMS" in vars(found), name


def test_a_subclass_may_read_more_params(monkeypatch):
    from mmf_like.datasets.processors.text_processors import VocabProcessor

    class Longer(VocabProcessor):
        pass

    monkeypatch.setattr(registry, "find", lambda kind, name: Longer)
    assert build_processors({"t": {"type": "vocab", "params": {"vocab": ["x"], "mine": 3}}})["t"].config.mine == 3
