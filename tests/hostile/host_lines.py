"""Command lines about hosts that are not this program: `export` and `board`."""

from collections.abc import Mapping

__all__ = ["BOARD", "EXPORT", "Lines"]

# By command: what follows it, and what must be said of it. {files} are the user's, {here} is empty.
Lines = Mapping[str, str]

_C = "--c {files}/model.ctz -o n.h"
_SIMULATE = "--simulate --torus 1x1"

EXPORT: Lines = {
    "{files}/model.ctz -o n.h": "export needs either --c or --testbench",
    "--c {files}/model.ctz": "Missing option '--output'",
    "--c none.ctz -o n.h": "FILE none.ctz must be a compiled model or a model file trained on a",
    "--c '' -o n.h": "FILE must not be empty",
    "--c {files}/model.pt -o n.h": "FILE .*model.pt must be a compiled model or a model file tra",
    "--c {files}/x.npy -o n.h": "FILE .*x.npy must be a compiled model or a model file trained",
    "--c {files}/model.ctz -o .": "--output . cannot be written: it is a folder",
    "--c {files}/model.ctz -o none/n.h": "--output none/n.h cannot be written: there is no folder",
    "--c {files}/model.ctz -o clostorus.h": "--output and clostorus.h must be different files",
    "--c {files}/model.ctz -o /dev/null": "--output must be a file, beside which clostorus.h is",
    "--testbench --c {files}/model.ctz -o n": "export needs either --c or --testbench",
    "--testbench {files}/model.ctz -o {files}/x.npy": "--output .*x.npy cannot be written",
    "--testbench {files}/model.ctz -o n --name x": "--name needs --c: a testbench has none",
    "--testbench none.ctz -o n": "FILE none.ctz must be a compiled model or a model file trained",
    f"{_C} --label y": "--data and --label need --testbench: a header in C has no samples",
    f"{_C} --samples 0": "'--samples': .* greater than or equal to 1, not 0",
    f"{_C} --samples {10**30}": "'--samples': .* less than or equal to 65536, not 1000",
    f"{_C} --name ''": "--name must not be empty",
    f"{_C} --name 2x2": "--name must be an identifier of C.* net_2x2 would do, '2x2' does",
    f"{_C} --name clostorus_net": "--name must be an identifier.*: my_clostorus_net would",
}
BOARD: Lines = {
    "": "board needs --simulate: a real board needs no command to be there",
    "--simulate": "one of --config-from, --bake and --torus must name a torus",
    "--simulate --torus 0x1": "--torus",
    "--simulate --config-from none": "--config-from none",
    "--simulate --bake {files}/model.pt": "--bake .*model.pt must hold manifest.json",
    "--simulate --bake a --config-from b": "--bake and --config-from both name a configuration",
    "--simulate --board ulx3s-85f": "--board needs --torus",
    f"{_SIMULATE} --board ulx3s": "--board must be one of .* .did you mean ulx3s-",
    f"{_SIMULATE} --damage-per-mille nan": "'--damage-per-mille': .*, not nan",
    f"{_SIMULATE} --damage-per-mille 1001": "'--damage-per-mille': .* or equal to 1000, not 1001",
    f"{_SIMULATE} --seed -1": "'--seed': .* greater than or equal to 0, not -1",
    f"{_SIMULATE} --seconds nan": "'--seconds': .*, not nan",
    f"{_SIMULATE} --link ''": "--link must not be empty",
    f"{_SIMULATE} --link {{files}}/x.npy": "--link must be a name that is free, not .*x.npy",
    f"{_SIMULATE} --link none/port": "--link must lie in a folder that is there, not in none",
}
