"""A stretch of the steady state: every engine's track, and less detail where there is no room."""

from sw_driver.predict.steady_tracks import steady_stretch
from sw_driver.predict.timeline import HOST_IN, HOST_OUT
from tests.support.reports import small_net


def test_samples_follow_each_other_as_predicted():
    compiled = small_net()
    stretch = steady_stretch(compiled, 3)
    found = {}
    for track in stretch.tracks:
        for piece in track.pieces:
            if piece.stage == 0 and track.engine.kind == "row":
                found.setdefault(piece.sample, []).append(piece.start)
    starts = [min(found[one]) for one in range(3)]
    assert starts[0] == 0
    # Fetch units go round in three cycles, so samples are as far apart but for as many.
    assert abs(starts[2] - 2 * compiled.prediction.cycles) <= 3
    engines = [track.engine for track in stretch.tracks]
    assert engines[0] == HOST_IN and engines[-1] == HOST_OUT and len(set(engines)) == len(engines)


def test_macs_wait_as_long_as_they_do_not_work():
    """A track has both from different sides: steps that were seen, and cycles that an op needs."""
    stretch = steady_stretch(small_net())
    for track in stretch.tracks:
        if track.engine.kind != "mac":
            continue
        for piece in track.pieces:
            if not 0 < piece.start < piece.end < stretch.cycles:
                continue  # Cut: its waits are of the whole.
            works = sum(max(0, min(piece.end, one.end) - max(piece.start, one.start))
                        for one in track.working or ())
            assert works + piece.waiting_cycles == piece.end - piece.start


def test_a_stretch_has_less_detail_where_there_is_no_room():
    compiled = small_net()
    whole = steady_stretch(compiled)
    pieces = sum(len(track.pieces) for track in whole.tracks)
    works = sum(len(track.working or ()) for track in whole.tracks)
    plain = steady_stretch(compiled, most_pieces=pieces + works - 1)
    joined = steady_stretch(compiled, most_pieces=pieces - 1)
    least = steady_stretch(compiled, most_pieces=0)
    assert whole.whole and whole.repetitions and works
    assert plain.repetitions and all(track.working is None for track in plain.tracks)
    assert joined.whole and not joined.repetitions
    assert sum(len(track.pieces) for track in joined.tracks) < pieces
    assert not least.whole and len(least.tracks) < len(whole.tracks)
    assert {one.cycles for one in (whole, plain, joined, least)} == {whole.cycles}


def test_work_of_a_stretch_is_within_what_engines_are_at():
    stretch = steady_stretch(small_net())
    for track in stretch.tracks:
        at = {cycle for one in track.pieces for cycle in range(one.start, one.end)}
        assert {cycle for one in track.working or () for cycle in range(one.start, one.end)} <= at
