import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.embeddings import BiLSTMTextEmbedding, TextEmbedding
from tests.modules.reference import TOLERANCE, case_id, good

TEXT = good("modules_foundation.pt", kind="text_embedding")


@pytest.mark.parametrize("case", [c for c in TEXT if c["key"] != "bilstm_direct"], ids=case_id)
def test_text_embedding_computes_what_mmf_does_with_its_weights(case):
    name, params = case["args"]
    if name == "vocab":
        params = {**params, "vocab_size": 7}
    embedding = TextEmbedding(name, **params).eval()
    embedding.load_state_dict(case["state_dict"])
    torch.testing.assert_close(embedding(*case["inputs"]), case["output"], **TOLERANCE)
    assert embedding.text_out_dim == case["text_out_dim"]
    assert embedding.out_dim == case["output"].shape[-1]


def test_states_of_every_token():
    (case,) = [c for c in TEXT if c["key"] == "bilstm_direct"]
    embedding = BiLSTMTextEmbedding(*case["args"]).eval()
    embedding.load_state_dict(case["state_dict"])
    torch.testing.assert_close(embedding.forward_all(*case["inputs"]), case["output"], **TOLERANCE)


def test_one_way_recurrent_embedding_is_the_last_state():
    embedding = TextEmbedding("bilstm", hidden_dim=4, embedding_dim=6, num_layers=1, dropout=0.0)
    x = torch.randn(3, 5, 6)
    torch.testing.assert_close(embedding(x), embedding.module.forward_all(x)[:, -1])
    assert embedding.out_dim == 4


def test_convolutions_project_one_after_the_other():
    convs = [{"out_channels": 3, "kernel_size": 1}, {"out_channels": 2, "kernel_size": 1}]
    embedding = TextEmbedding("projection", module="conv", in_dim=6, out_dim=9, convs=convs)
    assert embedding(torch.randn(4, 6, 5)).shape == (4, 2, 5)
    assert embedding.out_dim == 2


def test_vocabulary_file_sizes_the_table_with_four_special_words(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("red\ngreen\nblue\n")
    embedding = TextEmbedding("vocab", vocab_file=str(file), embedding_dim=5)
    assert embedding.module.module.weight.shape == (7, 5)


@pytest.mark.parametrize(
    ("name", "params", "text"),
    [
        (
            "atention",
            {},
            "No text embedding type is called 'atention'. Did you mean 'attention'? "
            "Known: identity, vocab, projection, bilstm, attention, torch.",
        ),
        ("vocab", {}, "VocabEmbedding takes vocab_size or vocab_file, but neither was given."),
        (
            "projection",
            {"module": "x", "in_dim": 1, "out_dim": 1},
            "ProjectionEmbedding: module must be linear or conv, but is 'x'.",
        ),
        (
            "bilstm",
            {"hidden_dim": 1, "embedding_dim": 1, "num_layers": 1, "dropout": 0, "rnn_type": "GTU"},
            "No rnn_type type is called 'GTU'. Did you mean 'GRU'? Known: GRU, LSTM.",
        ),
        (
            "torch",
            {"vocab_size": 3},
            "The text embedding 'torch' needs embedding_dim. It takes: vocab_size, embedding_dim.",
        ),
        (
            "projection",
            {"module": "linear", "in_dim": 1, "out_dim": 1, "bogus": 1},
            "The text embedding 'projection' does not take 'bogus'. It takes: module, in_dim, out_dim, convs.",
        ),
    ],
)
def test_a_wrong_setting_is_named(name, params, text):
    with pytest.raises(ConfigError) as error:
        TextEmbedding(name, **params)
    assert str(error.value) == text
