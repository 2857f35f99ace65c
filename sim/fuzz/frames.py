"""Targets of words and frames: program images, and what comes over the wire of a board."""

import functools
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from golden import ClosShape
from golden.vectors.nets import random_net
from hw.config import PROGRAM_BLOCK_WORDS, TorusConfig
from hw.link_config import FAULTS_MAGIC
from hw.op_fields import pe_fields
from sim.fuzz.edits import apply_to_bytes, draw_byte_edit, drawn
from sim.fuzz.target import Case, Target
from sw_driver.compiler import compile
from sw_driver.errors import ProgramError
from sw_driver.program.image import pack_image, unpack_image
from sw_driver.serial.figures import LinkFigures
from sw_driver.serial.frames import END, cobs_decode, cobs_encode, decode_board_frame
from sw_driver.serial.host_end import HostEnd

__all__ = ["FrameTarget", "ProgramTarget"]


@functools.cache
def _program(base: int) -> tuple[TorusConfig, tuple[int, ...]]:
    shapes = [[ClosShape(6, 4, 3, 2, 2)], [ClosShape(9, 6, 3, 2, 2), ClosShape(6, 4, 2, 3, 2)]]
    compiled = compile(random_net(shapes[base], seed=base), ("1x1", "2x2")[base])
    program = compiled.executable.infer(random_words_of(compiled)).program
    return compiled.config, tuple(program.pe_image)


def random_words_of(compiled: Any) -> Any:
    """Return three samples of words for a net."""
    from golden.vectors.nets import random_words

    return random_words(compiled.net, 3, seed=1).numpy()


class ProgramTarget(Target):
    """Images of program memories: words and bits changed; what is read is packed as it was."""

    name, job_inputs = "program", 500

    def draw(self, random: Random, number: int) -> Case:
        """Draw changes of words: a bit, a word, or words doubled or left out."""
        edits = [[random.choice(["bit", "bit", "word", "copy", "cut"]), random.randrange(1 << 16),
                  random.randrange(1 << 18)] for _ in range(random.choice([1, 1, 2, 4, 8]))]
        return {"base": random.randrange(2), "edits": edits}

    def warm(self) -> None:
        """Compile the nets."""
        for base in range(2):
            _program(base)

    def words(self, case: Case) -> list[int]:
        """Return the words of an image."""
        config, image = _program(case["base"])
        words = list(image)
        for kind, at, value in case["edits"]:
            if not words:
                break
            at %= len(words)
            match kind:
                case "bit":
                    words[at] ^= 1 << value % config.word_bits
                case "word":
                    words[at] = value & ((1 << config.word_bits) - 1)
                case "copy":
                    words[at:at] = words[value % len(words) :][:4]
                case _:
                    del words[at:]
        return words

    def content(self, case: Case, folder: Path) -> bytes:
        """Return the words, a line each."""
        return "".join(f"{word}\n" for word in self.words(case)).encode()

    def attempt(self, case: Case, folder: Path) -> None:
        """Unpack an image; what can be unpacked can be packed, and is the same again."""
        config, words = _program(case["base"])[0], self.words(case)
        fields = pe_fields(config)
        queues = unpack_image(config, fields, words)
        try:
            again = pack_image(config, fields, queues)
        except ProgramError:  # Queues that overlap take more room apart.
            return
        if unpack_image(config, fields, again) != queues:
            raise AssertionError("an image was read as queues that are packed as others")
        if len(again) % PROGRAM_BLOCK_WORDS:
            raise AssertionError("an image is no whole number of blocks")

    def smaller(self, case: Case) -> Iterator[Case]:
        """Leave out a change."""
        for number in range(len(case["edits"])):
            edits = case["edits"]
            yield {**case, "edits": edits[:number] + edits[number + 1 :]}


_HEADER, _CRC = struct.Struct("<BBHHH"), struct.Struct("<I")
_NUMBERS = [0, 1, 2, 59, 60, 61, 255, 256, 32767, 32768, 65535]


class FrameTarget(Target):
    """Bytes of the wire: frames of the board with any fields and a right CRC, and damaged ones."""

    name, job_inputs = "frames", 1000

    def draw(self, random: Random, number: int) -> Case:
        """Draw frames, most of them of the session, and changes of their bytes."""
        session = random.randrange(128)
        frames = [[session if random.random() < 0.8 else random.randrange(128),
                   random.random() < (0.9 if n == 0 else 0.1), random.randrange(256),
                   *(random.choice([random.choice(_NUMBERS), random.randrange(1 << 16), n])
                     for _ in range(3)),
                   self._words(random, n)] for n in range(random.choice([1, 2, 3, 8]))]
        outside = drawn(random, draw_byte_edit, 4) if random.random() < 0.5 else []
        return {"session": session, "frames": frames, "outside": outside,
                "piece": random.choice([1, 7, 1 << 20]), "asks": random.random() < 0.3}

    @staticmethod
    def _words(random: Random, place: int) -> str:
        if place == 0 and random.random() < 0.8:  # A HELLO, or nearly one.
            return (b"CLT" + bytes([random.choice([1, 2, 2, 3, 3, 4, 255])])
                    + random.randbytes(random.choice([16, 16, 20, 20, 12, 15]))).hex()
        words = random.choice([0, 1, 2, 60, 61, 300])
        if random.random() < 0.1:
            return (FAULTS_MAGIC + random.randbytes(words)).hex()
        return (random.randbytes if random.random() < 0.7 else bytes)(4 * words).hex()

    def content(self, case: Case, folder: Path) -> bytes:
        """Return the bytes on the wire."""
        out = bytearray(END)
        for session, hello, echo, space, number, expected, words in case["frames"]:
            body = _HEADER.pack(session | 0x80 * hello, echo, space, number, expected)
            body += bytes.fromhex(words)
            out += cobs_encode(body + _CRC.pack(zlib.crc32(body))) + END
        return apply_to_bytes(bytes(out), case["outside"])

    def attempt(self, case: Case, folder: Path) -> None:
        """Decode the frames by themselves, and have a host take them in pieces."""
        data = self.content(case, folder)
        for raw in filter(None, data.split(END)):
            whole = cobs_decode(raw)
            if whole is not None and cobs_decode(cobs_encode(whole)) != whole:
                raise AssertionError("bytes are encoded as others")
            decode_board_frame(raw)
        if cobs_decode(cobs_encode(data)) != data:
            raise AssertionError("bytes are encoded as others")
        host = HostEnd(case["session"], LinkFigures(), 0.1)
        now, said = 0.0, 0
        host.send(bytes(4 * 200))
        if case["asks"]:
            host.ask_faults()
        for at in range(0, len(data), case["piece"]):
            host.receive(data[at : at + case["piece"]], now)
            said += len(host.transmit(now, waits=True))
            now += 0.01
        if (len(host.received) + len(host.faults or b"") > len(data)
                or host.unacknowledged > 4 * 200):
            raise AssertionError("the host holds more than was sent")

    def smaller(self, case: Case) -> Iterator[Case]:
        """Leave out frames and changes; take all bytes at once."""
        for part in ("outside", "frames"):
            for number in range(len(case[part])):
                yield {**case, part: case[part][:number] + case[part][number + 1 :]}
        if case["piece"] != 1 << 20:
            yield {**case, "piece": 1 << 20}


