"""Small models of everyday kinds, with random weights, and digits as each of them takes them.

They are those of the library transformers, made from configurations: nothing is downloaded. A text
of 16 words of a vocabulary of 17 is an image of digits whose pixels were averaged to 4 x 4.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from golden.convert import ClosSpec, LayerSpec
from golden.data.datasets import load_digits_split
from golden.errors import GoldenError

__all__ = ["MODELS", "Digits", "Example", "digits"]

_WORDS = 17
_LENGTH = 16


@dataclasses.dataclass(frozen=True, eq=False)
class Digits:
    """What a model is trained on and judged by.

    Parameters
    ----------
    train_x, test_x
        [N, ...], as the model takes it.
    train_y, test_y
        Int64 [N] or [N, T]: classes of the digits, or of the words that come next.
    """

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


@dataclasses.dataclass(frozen=True)
class Example:
    """A kind of model and how it is converted.

    Parameters
    ----------
    make
        Makes it, with random weights.
    argument
        Of its `forward` that takes the inputs.
    inputs
        Makes images [N, 8, 8] of pixels from 0 to 1 what it takes.
    specs
        What its layers are replaced by.
    epochs
        Of training before the conversion, and at most of fine-tuning behind it.
    rate
        Of Adam, for both.
    next_word
        Whether it says what comes next in a text, rather than which digit it is.
    """

    make: Callable[[], nn.Module]
    argument: str
    inputs: Callable[[Tensor], Tensor]
    specs: Mapping[str, LayerSpec]
    epochs: int
    rate: float = 2e-3
    next_word: bool = False

    def logits(self, model: nn.Module, x: Tensor) -> Tensor:
        """Compute [N, classes], or [N, T, words] of a model that says the next word."""
        found: Tensor = model(**{self.argument: x}).logits
        return found[:, :-1] if self.next_word else found


def digits(example: Example, samples: int | None = None) -> Digits:
    """Return scikit-learn's digits for a model, the first `samples` of each part or all."""
    split = load_digits_split()
    found: list[Tensor] = []
    for x, y in ((split.train_x, split.train_y), (split.test_x, split.test_y)):
        given = example.inputs(torch.as_tensor(x[:samples]).reshape(-1, 8, 8))
        found += [given, given[:, 1:] if example.next_word else torch.as_tensor(y[:samples])]
    return Digits(*found)


def _library() -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
    except ImportError as error:
        raise GoldenError(
            "transformers must be installed for these models: pip install transformers"
        ) from error
    return transformers


def _bert() -> nn.Module:
    library = _library()
    config = library.BertConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        vocab_size=_WORDS, max_position_embeddings=_LENGTH, num_labels=10,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return library.BertForSequenceClassification(config)


def _gpt() -> nn.Module:
    library = _library()
    config = library.GPT2Config(
        n_embd=64, n_layer=2, n_head=4, vocab_size=_WORDS, n_positions=_LENGTH,
        bos_token_id=0, eos_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    return library.GPT2LMHeadModel(config)


def _mobilenet() -> nn.Module:
    library = _library()
    config = library.MobileNetV2Config(
        image_size=32, num_channels=1, depth_multiplier=0.35, num_labels=10,
        classifier_dropout_prob=0.1,
    )  # fmt: skip
    return library.MobileNetV2ForImageClassification(config)


def _vit() -> nn.Module:
    library = _library()
    config = library.ViTConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=256,
        image_size=8, patch_size=2, num_channels=1, num_labels=10,
    )  # fmt: skip
    return library.ViTForImageClassification(config)


def _text(images: Tensor) -> Tensor:
    small = nn.functional.avg_pool2d(images[:, None], 2)
    return (small.flatten(1) * (_WORDS - 1)).round().long()


def _images(images: Tensor) -> Tensor:
    return images[:, None] - 0.5


def _large_images(images: Tensor) -> Tensor:
    return nn.functional.interpolate(_images(images), scale_factor=4.0)


_CLOS = ClosSpec(reduction=3.0, sweeps=50)

MODELS = {
    "bert": Example(_bert, "input_ids", _text, {"*.encoder.layer.*": _CLOS}, 10, 1e-3),
    "gpt": Example(_gpt, "input_ids", _text, {"*.h.*": _CLOS}, 6, next_word=True),
    "mobilenet": Example(_mobilenet, "pixel_values", _large_images, {"*": _CLOS}, 3),
    "vit": Example(_vit, "pixel_values", _images, {"vit.layers.*": _CLOS}, 10, 1e-3),
}
"""The examples, by their names on the command line."""
