import pytest
import torch

from mmf_like.common.errors import ConfigError
from mmf_like.modules.layers import (
    ClassifierLayer,
    ModalCombineLayer,
    ReLUWithWeightNormFC,
    TransformLayer,
    WeightNormLinear,
)
from tests.modules.reference import TOLERANCE, case_id, good

FILE = "modules_foundation.pt"
CLASSES = {
    "classifier": ClassifierLayer,
    "modal_combine": ModalCombineLayer,
    "transform": TransformLayer,
    "layer": ReLUWithWeightNormFC,
}


@pytest.mark.parametrize("case", [c for kind in CLASSES for c in good(FILE, kind=kind)], ids=case_id)
def test_layer_computes_what_mmf_does_with_its_weights(case):
    layer = CLASSES[case["kind"]](*case["args"], **case["kwargs"])
    layer.load_state_dict(case["state_dict"])
    layer.train(case["mode"] == "train")
    torch.testing.assert_close(layer(*case["inputs"]), case["output"], **TOLERANCE)
    if "out_dim" in case:
        assert layer.out_dim == case["out_dim"]


def test_weight_norm_linear_starts_as_a_linear_layer_and_has_one_length():
    layer = WeightNormLinear(3, 2)
    x = torch.randn(5, 3)
    torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, layer.weight_v, layer.bias))
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {
        "bias": (2,),
        "weight_g": (),
        "weight_v": (2, 3),
    }
    with torch.no_grad():
        layer.weight_g.mul_(2)
    torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, 2 * layer.weight_v, layer.bias))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            lambda: ClassifierLayer("logits", 3, 2),
            "No classifier type is called 'logits'. Did you mean 'logit'? Known: logit, weight_norm, mlp, linear.",
        ),
        (lambda: TransformLayer("foo", 3, 2), "No transform type is called 'foo'. Known: linear, conv."),
        (
            lambda: ModalCombineLayer("foo", 3, 2),
            "No modal_combine type is called 'foo'. Known: non_linear_element_multiply, two_layer_element_multiply.",
        ),
        (
            lambda: ClassifierLayer("mlp", 3, 2, hidden_act="relo"),
            "No activation is called 'relo'. Did you mean 'relu'? "
            "Known: relu, tanh, gelu, silu, swish, sigmoid, leaky_relu.",
        ),
        (
            lambda: ClassifierLayer("logit", 3, 2, text_hidden_dim=1, img_hidden_dim=1, bogus=1),
            "The classifier 'logit' does not take 'bogus'. It takes: text_hidden_dim, img_hidden_dim.",
        ),
        (
            lambda: ClassifierLayer("logit", 3, 2, text_hidden_dim=1),
            "The classifier 'logit' needs img_hidden_dim. It takes: text_hidden_dim, img_hidden_dim.",
        ),
        (
            lambda: ModalCombineLayer("non_linear_element_multiply", 3, 2, hiden_dim=2),
            "The modal_combine 'non_linear_element_multiply' does not take 'hiden_dim'. Did you mean 'hidden_dim'? "
            "It takes: hidden_dim, dropout, context_dim.",
        ),
        (
            lambda: TransformLayer("linear", 3, 2, a=1, b=2),
            "The transform 'linear' does not take 'a', 'b'. It takes: nothing.",
        ),
    ],
)
def test_what_a_layer_cannot_be_built_from_is_named(build, text):
    with pytest.raises(ConfigError) as error:
        build()
    assert str(error.value) == text
