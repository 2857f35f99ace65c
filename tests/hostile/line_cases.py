"""Command lines that cannot be meant: refused at once, in the words of the command line."""

import shlex
from collections.abc import Iterator, Mapping

from tests.hostile.case import Case, Workshop

GROUP = "command line"

# By command: what follows it, and what must be said of it. {files} are the user's, {here} is empty.
Lines = Mapping[str, str]

_RESUME = "--resume --device golden --data {files}/mnist -o {files}/fixed.pt"
_MODEL = "{files}/model.pt --torus 2x2"
_OWN = "--torus 2x2 -o m.ctz --data digits {files}/net.py"
_RUN = "{files}/model.ctz"
_BUILD = "--board icebreaker"

ANY: Lines = {
    "--nothing": "No such option: --nothing",
    "trian -o m.pt": "No such command 'trian'. Did you mean 'train'",
    "info --jsn {files}/model.ctz": "No such option: --jsn .*--json",
    "info {files}/model.ctz extra": "unexpected extra argument",
    "run": "Missing argument 'artifact'",
    "compile {files}/model.pt -o m.ctz": "Missing option '--torus'",
    "plan": "Missing option '--board'",
}
INFO: Lines = {
    "''": "ARTIFACT must not be empty",
    "{files}": "ARTIFACT .*files does not exist, or is not a file",
    "none.ctz": "ARTIFACT none.ctz does not exist",
    "{files}/model.pt": "ARTIFACT .*model.pt must hold manifest.json: it is not an artifact",
    "{files}/x.npy": "ARTIFACT .*x.npy must be a whole zip file",
}
TRAIN: Lines = {
    "-o ''": "--output must not be empty",
    "--output=": "--output must not be empty",
    "-o .": "--output . cannot be written: it is a folder",
    "-o none/m.pt": "--output none/m.pt cannot be written: there is no folder",
    "-o m.pt --device glden": "--device must be torch, .* not 'glden' .did you mean golden",
    "-o m.pt --device GOLDEN": "--device must be .* not 'GOLDEN' .did you mean golden",
    "-o m.pt --device cpu": "--device must be torch, golden, sim or serial, not 'cpu'$",
    "-o m.pt --data digit": "--data must be one of .*, not 'digit' .did you mean digits",
    "-o m.pt --data ''": "--data must not be empty",
    "-o m.pt --data {files}/model.pt": "--data must be one of digits, .* not '.*model.pt'",
    "-o m.pt --data {files}": "--data .*files must hold train-images-idx3-ubyte",
    "-o m.pt --data mnist10k": "--layer must be given for mnist10k",
    "-o m.pt --layer ''": "--layer must not be empty",
    "-o m.pt --layer 64,10,8,8": "--layer must be five whole numbers .* not '64,10,8,8'",
    "-o m.pt --layer 64,10,8,8,5.0": "--layer must be five whole numbers .* not '64,10,8,8,5.0'",
    "-o m.pt --layer 64,10,8,8,nan": "--layer must be five whole numbers",
    "-o m.pt --layer 0,10,8,8,5": "--layer 0,10,8,8,5: I must be a whole number of at least 1",
    "-o m.pt --layer 64,10,8,-8,5": "--layer 64,10,8,-8,5: Rm must be .* at least 1, not -8",
    "-o m.pt --layer 64,10,65,8,5": r"--layer 64,10,65,8,5: Ri must be at most I \(64\), not 65",
    "-o m.pt --layer 64,10,8,8,11": r"--layer 64,10,8,8,11: Ro must be at most O \(10\), not 11",
    "-o m.pt --layer 64,10,8,100000000,5": "--layer must have at most 4294967296 parameters",
    "-o m.pt --layer 64,10,8,1000000000000,5": "--layer must have at most 4294967296 parameters",
    f"-o m.pt --layer 64,10,8,{10**30},5": "--layer 64,10,8,1.*: Rm must be a whole number of 64",
    "-o m.pt --layer 64,10000000000,8,8,5": "--layer must have at most 4294967296 parameters",
    "-o m.pt --device golden --layer 64,10,8,100000000,5": "--layer must have at most 4294967296",
    "-o m.pt --layer 64,8,8,8,8 --layer 9,10,9,8,5": "--layer: layer 1 .*in_features must be 8",
    "-o m.pt --layer 64,9,8,8,3": "--layer: the last layer .* must have at least 10 outputs",
    "-o m.pt --layer 63,10,9,8,5": "--layer: the first layer .* must have 64 inputs",
    "-o m.pt --epochs 0": "'--epochs': .* greater than or equal to 1, not 0",
    "-o m.pt --epochs -1": "'--epochs': .* greater than or equal to 1, not -1",
    "-o m.pt --epochs 1.5": "'--epochs': .* valid integer, .*, not 1.5",
    "-o m.pt --epochs inf": "'--epochs': .* valid integer, .*, not inf",
    "-o m.pt --seed -1": "'--seed': .* greater than or equal to 0, not -1",
    f"-o m.pt --seed {1 << 63}": f"'--seed': .* less than or equal to .*, not {1 << 63}",
    "-o m.pt --torus 4x4": "--torus needs --device golden, sim or serial, not torch",
    "-o m.pt --batch 2": "--batch needs --device golden, sim or serial, not torch",
    "-o m.pt --lr 0.1": "--lr needs --device golden, sim or serial, not torch",
    "-o m.pt --freeze 0": "--freeze needs --device golden, sim or serial, not torch",
    "-o m.pt --save-every 5": "--save-every needs --device golden, sim or serial, not torch",
    "-o m.pt --compare": "--compare needs --device sim, not torch",
    "-o m.pt --baud 9600": "--baud needs --device serial, not torch",
    "-o m.pt --device golden --port /dev/ttyUSB0": "--port needs --device serial, not golden",
    "-o m.pt --device serial": "--port must name the serial port of the board",
    "-o m.pt --device serial --port none": "--port must be the serial port .* none is not there",
    "-o m.pt --device serial --port {files}/x.npy": "--port must be .* not there, or no device",
    "-o m.pt --device golden --lr 0": "--lr must be positive and finite, not 0.0",
    "-o m.pt --device golden --lr -1": "--lr must be positive and finite, not -1.0",
    "-o m.pt --device golden --lr nan": "--lr must be positive and finite, not nan",
    "-o m.pt --device golden --lr inf": "--lr must be positive and finite, not inf",
    "-o m.pt --device golden --lr 1e30": "--lr must be one with which .* converges, not 1e.30",
    "-o m.pt --device golden --lr x": "'--lr': .* valid number, .*, not x",
    "-o m.pt --device golden --batch 0": "'--batch': .*, not 0",
    f"-o m.pt --device golden --batch {10**30}": "--batch must be at most 1437, the training",
    "-o m.pt --device golden --momentum 0": "--momentum must be 1 to 14, or none, not 0",
    "-o m.pt --device golden --momentum 0.9": "'--momentum': .* valid integer, .*, not 0.9",
    "-o m.pt --device golden --loss crossentropy": "--loss must be .* .did you mean cross-entropy",
    "-o m.pt --device golden --freeze 2": "--freeze must hold layers 0 to 1, not 2",
    "-o m.pt --device golden --freeze -1": "--freeze must hold layers 0 to 1, not -1",
    "-o m.pt --device golden --freeze 0 --freeze 1": "--freeze must leave a layer that trains",
    "-o m.pt --device golden --save-every 0": "'--save-every': .*, not 0",
    "-o m.pt --device golden --torus ''": "--torus must not be empty",
    "-o m.pt --device golden --torus 4": "--torus must be ROWSxCOLUMNS, .* not '4'",
    "-o m.pt --device golden --torus 4x4x4": "--torus must be ROWSxCOLUMNS, .* not '4x4x4'",
    "-o m.pt --device golden --torus 65x1": "--torus 65x1: rows must be 1 to 64, not 65",
    "-o m.pt --resume": "--output m.pt cannot be read",
    "-o {files}/x.npy --resume": "--output .*x.npy must be a model file of Clostorus",
    "-o {files}/fixed.pt --resume": "--output .*fixed.pt must hold a training in floating point",
    "-o {files}/model.pt --resume --device golden": "--output .*model.pt must hold .* fixed point",
    "-o {files}/model.pt --resume --seed 3": "--seed must be 0, as .* was trained with, not 3",
    "-o {files}/model.pt --resume --layer 64,10,8,2,5": "--output .*model.pt: layers must be",
    f"{_RESUME} --torus 2x2": "--torus must be 1x2, as .* was trained with, not 2x2",
    f"{_RESUME} --lr 0.5": "--lr must be 0.03, as .* was trained with, not 0.5",
    f"{_RESUME} --batch 2": "--batch must be 1, as .* was trained with, not 2",
    f"{_RESUME} --epochs 3": "--epochs must be 1, as .* was trained with, not 3",
    f"{_RESUME} --freeze 1": "--freeze must be none, as .* was trained with, not 1",
    f"{_RESUME} --momentum 3": "--momentum must be none, as .* was trained with, not 3",
    f"{_RESUME} --layer 64,10,8,2,5": "--layer must be .*, as .* was trained with, not",
    "--resume --device golden -o {files}/fixed.pt": "--data must name the samples to go on with",
}
COMPILE: Lines = {
    "none.pt --torus 2x2 -o m.ctz": "MODEL none.pt cannot be read: No such file",
    "{files} --torus 2x2 -o m.ctz": "MODEL .*files cannot be read: Is a directory",
    "{files}/model.ctz --torus 2x2 -o m.ctz": "MODEL .*model.ctz must be a model file",
    "{files}/model.pt --torus 2,2 -o m.ctz": "--torus must be ROWSxCOLUMNS, .* not '2,2'",
    "{files}/model.pt --torus 1x0 -o m.ctz": "--torus 1x0: cols must be 1 to 64, not 0",
    f"{_MODEL} -o {{here}}": "--output .*here cannot be written: it is a folder",
    f"{_MODEL} -o m.ctz --data none.npy": "--data none.npy cannot be read: No such file",
    f"{_MODEL} -o m.ctz --data mnist1k": "--data must be one of .* .did you mean mnist10k",
    f"{_MODEL} -o m.ctz --data mnist10k": "--data must be samples of 64 values",
    f"{_MODEL} -o m.ctz --board icebraker": "--board must be one of .* .did you mean icebreaker",
    f"{_MODEL} -o m.ctz --board ulx3s-85f --word-bits 8": "--word-bits, --weight-bits and --host-b",
    "{files}/model.pt --torus 8x8 -o m.ctz --board icebreaker": "--torus 8x8 does not fit icebr",
    "{files}/model.pt --torus 8x8 -o m.ctz --board ulx3s-25f": "--torus 8x8 does not fit ulx3s",
    "{files}/model.pt --torus 64x64 -o m.ctz --board ecpix5-85f": "--torus 64x64 does not fit",
    "{files}/model.pt --torus 8x8 -o m.ctz --board tangnano9k": "--torus 8x8 does not fit tangn",
    f"{_MODEL} -o m.ctz --word-bits 0": "--word-bits must be 4 to 18, not 0",
    f"{_MODEL} -o m.ctz --word-bits 19": "--word-bits must be 4 to 18, not 19",
    f"{_MODEL} -o m.ctz --word-bits 8.5": "'--word-bits': .* valid integer, .*, not 8.5",
    f"{_MODEL} -o m.ctz --weight-bits -8": "--weight-bits must be 4 to 18, not -8",
    f"{_MODEL} -o m.ctz --weight-bits {10**30}": "--weight-bits must be 4 to 18, not 1000",
    f"{_MODEL} -o m.ctz --host-bits 48": "--host-bits must be one of .*, not 48",
    f"{_MODEL} -o m.ctz --order programm": "--order must be one of .* .did you mean program",
    f"{_MODEL} -o m.ctz --export {{files}}/x.npy": "--export .*x.npy cannot be written",
    f"{_MODEL} -o m.ctz --export ''": "--export must not be empty",
    f"{_MODEL} -o m.ctz --export m.ctz": "--output and --export must be different",
    f"{_MODEL} -o m.ctz --weights {{files}}/w.pt": "--weights must be left out where MODEL is a m",
    f"{_OWN}:make --weights ''": "--weights must not be empty",
    f"{_OWN}:make --weights none.pt": "--weights none.pt cannot be read: No such file",
    f"{_OWN}:make --weights {{files}}": "--weights .*files cannot be read: Is a directory",
    f"{_OWN}:make --weights {{files}}/x.npy": "--weights .*x.npy must be what torch.save.model.st",
    f"{_OWN}:make --weights {{files}}/text.pt": "--weights .*text.pt must hold the tensors of mod",
    f"{_OWN}:make --weights {{files}}/w.pt": "--weights .*w.pt must be those .* bias is missing",
    f"{_OWN}:": "MODEL .*net.py: must end with the name of a function, .* not with ''",
    f"{_OWN}:a.b": "MODEL .*net.py:a.b must end with the name of a function, .* not with 'a.b'",
    f"{_OWN}": "MODEL .*net.py must be a model file of Clostorus",
    f"{_OWN}:nothing": "MODEL .*net.py:nothing must name a function of the file, which defines no",
    f"{_OWN}:fails": "MODEL .*net.py:fails fails when the function is called in line 15: ZeroDivi",
    f"{_OWN}:leaves": "MODEL .*net.py:leaves fails when the function is .* line 18: SystemExit: 3",
    f"{_OWN}:number": "MODEL .*net.py:number must be a torch module or a function .* not a int",
    f"{_OWN}:asks": "MODEL .*net.py:asks fails when .* TypeError: asks.. missing 1 required",
    f"{_OWN}:small": "--data must be samples of 9 values, the inputs of .*net.py:small, but dig",
    f"{_OWN}:tanh": "layer 1 is a Tanh, which is not supported: the nearest is Hardtanh",
    "none.py:make --torus 2x2 -o m.ctz": "MODEL none.py:make cannot be read: No such file",
    "{files}/broken.py:make --torus 2x2 -o m.ctz --data digits": "MODEL .*broken.py:make fails whe"
    "n it is executed in line 3: SyntaxError",
}
RUN: Lines = {
    f"{_RUN} --device rtl": "--device must be golden, sim or serial, not 'rtl'",
    f"{_RUN} --device gold": "--device must be .* not 'gold' .did you mean golden",
    f"{_RUN} --data none.npy": "--data none.npy cannot be read",
    f"{_RUN} --data {{here}}": "--data .*here must hold train-images-idx3-ubyte",
    f"{_RUN} --data {{files}}/x.npy --samples 5": "--samples must be at most 4, those of .*x.npy",
    f"{_RUN} --samples 0": "'--samples': .* greater than or equal to 1, not 0",
    f"{_RUN} --samples 1e3": "'--samples': .* valid integer, .*, not 1e3",
    f"{_RUN} --samples {10**30}": "--samples must be at most 360, those of digits, not 1000",
    f"{_RUN} --trace w.vcd": "--trace needs --device sim: the golden device has no waveforms",
    f"{_RUN} --device sim --trace none/w.vcd": "--trace none/w.vcd cannot be written",
    f"{_RUN} --device serial --port ''": "--port must not be empty",
    f"{_RUN} --device serial --port none": "--port must be the serial port .* none is not there",
    f"{_RUN} --device serial --port /dev/ttyUSB0 --timeline t.json": "--timeline needs --device",
    f"{_RUN} --device serial --port none --baud 1": "'--baud': .*, not 1",
    f"{_RUN} --port /dev/ttyUSB0": "--port needs --device serial, not golden",
    f"{_RUN} --timeline {{here}}": "--timeline .*here cannot be written: it is a folder",
    f"{_RUN} --timeline a -o a": "--output and --timeline must be different files",
    f"{_RUN} -o y.csv": "--output must end in .npy, not 'y.csv'",
    f"{_RUN} -o none/y.npy": "--output none/y.npy cannot be written: there is no folder",
}
VERILOG: Lines = {
    "-o m.v": "one of --torus, --config-from and --bake must name a configuration",
    "--torus 64x65 -o m.v": "--torus 64x65: cols must be 1 to 64, not 65",
    "--torus 1x1 -o m.v --top tours": "--top must be one of .* .did you mean torus",
    "--torus 1x1 -o m.v --top training-router": "--top training-router needs a torus that trains",
    "--bake none.ctz -o m.v": "--bake none.ctz does not exist",
    "--bake {files}/model.ctz --torus 1x1 -o m.v": "--torus must be 2x2, that of .* not 1x1",
    "--bake {files}/model.ctz --top pe -o m.v": "--bake needs --top torus or board",
    "--bake a --config-from b -o m.v": "--bake and --config-from both name a configuration",
    "--config-from {files}/model.pt -o m.v": "--config-from .* must be a compiled model or a model",
    "--config-from {files}/model.ctz --fold -o m.v": "--fold needs --bake",
    "--config-from {files}/model.ctz --train -o m.v": "--train is for --torus",
    "--torus 1x1 -o m.v --cells ecp4": "--cells must be one of .* .did you mean ecp5",
    "--torus 1x1 -o m.v --baud 9600": "--clock-mhz, --baud and --buffer-bytes need --top board",
    "--torus 1x1 -o m.v --top board --clock-mhz nan": "--clock-mhz must be 1 to 1000, not nan",
    "--torus 1x1 -o m.v --top board --clock-mhz fast": "'--clock-mhz': .* valid number.* not fast",
    "--torus 1x1 -o m.v --top board --baud -1": "--baud must be 9600 to 12000000, not -1",
    "--torus 1x1 -o m.v --top board --buffer-bytes 513": "--buffer-bytes must be a power of two",
    f"--torus 1x1 -o m.v --top board --buffer-bytes {10**30}": "--buffer-bytes must be 512 to",
    "--torus 1x1 -o m.v --models c.v": "--models needs --cells ecp5",
    "--torus 1x1 -o m.v --waivers m.v": "--output and --waivers must be different files",
    "--torus 1x1 -o m.v --split --waivers w.vlt": "--waivers and --models are for one file",
    "--torus 1x1 -o {files}/x.npy --split": "--output .*x.npy cannot be written: .* is no folder",
}
BENCH: Lines = {
    "utilization": "NAME must be one of .* not 'utilization' .did you mean utilisation",
    "''": "NAME must not be empty",
    "area --jobs 0": "'--jobs': .* greater than or equal to 1, not 0",
    "area --jobs 1000000000": "'--jobs': .* less than or equal to 1024, not 1000000000",
    "software --torch-device tpu": "--torch-device must be cpu or cuda, not 'tpu'",
    "area --torch-device cuda": "--torch-device cuda needs the table software and no other",
    "area --page {here}": "--page .*here must be a text file",
    "area --page none/page.md": "--page none/page.md cannot be written: there is no folder",
    "area --page {files}/x.npy": "--page .*x.npy must be a text file",
    "area --results {files}/x.npy": "--results .*x.npy cannot be written: .* is no folder",
}
ANALYSE: Lines = {
    "": "TOPOLOGY must be given at least once; --list shows the kinds",
    "cloos:32,32,8,9,8": "TOPOLOGY must be one of clos, .* not 'cloos' .did you mean clos",
    "clos:32,32,8,9": "TOPOLOGY clos:32,32,8,9: clos must have the values clos:in_features",
    "clos:32,32,8,9,x": "TOPOLOGY clos:32,32,8,9,x: output_routers must be a whole number",
    "clos:32,32,8,-9,8": "TOPOLOGY clos:32,32,8,-9,8: middle_routers must be",
    "clos:32,32,8,1000000000,8 --quick": "TOPOLOGY clos:.*: outputs times inputs .* at most",
    "butterfly:33,9": "TOPOLOGY butterfly:33,9: n must be a power of two",
    "butterfly:32,9+skips": "TOPOLOGY butterfly:.*: option must be one of .*did you mean skip",
    "torus:8,4,1000000000": "TOPOLOGY torus:8,4,1000000000: outputs times inputs .* at most",
    "clos:8,8,2,2,2 -o p.pdf": "--output must end in .png, not 'p.pdf'",
    "clos:8,8,2,2,2 -o none/p.png": "--output none/p.png cannot be written",
    "clos:8,8,2,2,2 --starts 0": "--starts must be at least 1, not 0",
    "clos:8,8,2,2,2 --quick --starts 0": "--starts must be at least 1, not 0",
    "clos:8,8,2,2,2 --fit-steps -5": "--fit-steps must be at least 1, not -5",
    "clos:8,8,2,2,2 --control-steps nan": "'--control-steps': .* valid integer, .*, not nan",
    f"clos:8,8,2,2,2 --seed {10**30}": "--seed must be at least 0 and below 2..63, not 1000",
}
BUILD: Lines = {
    "--board icebreeker": "--board must be one of .* .did you mean icebreaker",
    f"{_BUILD} --torus 8x8": "--torus 8x8 does not fit icebreaker: it needs an estimated",
    "--board tangnano9k --torus 5x5": "--torus 5x5 does not fit tangnano9k: it needs at least 25",
    f"{_BUILD} --bake none.ctz": "--bake none.ctz does not exist",
    f"{_BUILD} --fold": "--fold needs --bake",
    f"{_BUILD} --out .": "--out must be a new folder or that of a former build",
    f"{_BUILD} --out {{files}}/x.npy": "--out .*x.npy cannot be written: .* is no folder",
    f"{_BUILD} --baud 0": "--baud must be 9600 to 12000000, not 0",
    f"{_BUILD} --clock-mhz nan": "--clock-mhz must be 16 to 275, .* not nan",
    "--board ulx3s-85f --clock-mhz inf": "--clock-mhz must be 10 to 400, .* not inf",
    f"{_BUILD} --seed 0": "'--seed': .* greater than or equal to 1, not 0",
    f"{_BUILD} --tries 10000000000000": "--seed and --tries must be at least 1, and the last",
}
PLAN: Lines = {
    "--board ULX3S-85": "--board must be one of .* .did you mean ulx3s-85f",
    "--board tangnano9k": "--board must be one whose part the resource model knows",
    "--board icebreaker --train": "--board icebreaker holds no torus that trains",
}
EXPERIMENT: Lines = {
    "": "NAME must be given, one of clos-accuracy; see --list",
    "clos-acuracy": "NAME must be one of clos-accuracy, not 'clos-acuracy' .did you mean clos-",
    "clos-accuracy --seeds 0": "--seeds must be 1 to 1000, not 0",
    f"clos-accuracy --seeds {10**21}": "--seeds must be 1 to 1000, not 1000",
    "clos-accuracy --data none": "--data must be one of digits, .* not 'none'",
    "clos-accuracy --data {files}/mnist": "--data must have larger samples than those of .*mnist",
    "clos-accuracy --data mnist10k --data mnist10k": "--data must have different names",
    "clos-accuracy --out {files}/x.npy": "--out .*x.npy must be a folder",
    "clos-accuracy --jobs 100000000": "'--jobs': .* less than or equal to 1024, not 100000000",
}
COMMANDS: Mapping[str, Lines] = {
    "": ANY,
    "info": INFO,
    "train": TRAIN,
    "compile": COMPILE,
    "run": RUN,
    "verilog": VERILOG,
    "bench": BENCH,
    "analyse": ANALYSE,
    "build": BUILD,
    "plan": PLAN,
    "experiment": EXPERIMENT,
}


def cases() -> Iterator[Case]:
    """List all."""
    for command, lines in COMMANDS.items():
        for line, message in lines.items():
            yield _case(f"{command} {line}".strip(), message)


def _case(line: str, message: str) -> Case:
    def attempt(bench: Workshop) -> None:
        bench.refused(message, *shlex.split(line))

    short = line.replace("{files}/", "").replace("{files}", "FOLDER").replace("{here}", "HERE")
    return Case(GROUP, short if len(short) < 90 else f"{short[:86]}...", attempt)
