# SPDX-License-Identifier: Apache-2.0
"""Batches, and several requests at a time, of both clients."""

import asyncio
import gc
import json

import numpy as np
import pytest
from deployment import DEMO, PICTURES, Deployment
from meddler import Meddler
from PIL import Image

import infenclave
from infenclave import Client
from infenclave._life import AsyncMedium

STOP = DEMO / "client/stop.png"
# The shorter side becomes 80 pixels and the centre of 64 is cropped: preprocessing twice gives other pixels.
PREPROCESSING = {"width": 64, "height": 64, "channels": "RGB", "resize": {"mode": "shorterSide", "length": 80},
                 "interpolation": "bilinear", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
KINDS = ["Client", "AsyncClient"]


@pytest.fixture(scope="module")
def cropping(program, tmp_path_factory):
    """A deployment that crops and accepts floats, and its server."""
    folder = tmp_path_factory.mktemp("cropping")
    (folder / "preprocess.json").write_text(json.dumps(PREPROCESSING))
    deployment = Deployment(program, folder, options=("--preprocess", folder / "preprocess.json", "--allow-f32"))
    with deployment.serve() as server:
        server.provision()
        yield deployment, server


def client_of(kind, deployment, url, **options):
    return getattr(infenclave, kind)(url, deployment.policy, deployment.token, dangerously_accept_development=True, **options)


def done(value):
    """The result of a client of either kind."""
    return asyncio.run(value) if asyncio.iscoroutine(value) else value


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_of_the_models_size_is_taken_as_it_is_alone_and_in_a_batch(kind, cropping):
    deployment, server = cropping
    client = client_of(kind, deployment, server.url)
    fitted = Client(server.url, deployment.policy, deployment.token, dangerously_accept_development=True).preprocess
    array = np.stack([np.asarray(fitted(DEMO / "client" / file)) for file in PICTURES])
    assert array.shape == (3, 64, 64, 3) and array.dtype == np.uint8
    alone = [done(client.classify(array[index:index + 1])) for index in range(3)]
    assert done(client.classify_batch(array)) == alone
    assert alone == [done(client.classify(DEMO / "client" / file)) for file in PICTURES]
    # A picture is resized, whatever its size: the two differ with this model.
    again = [done(client.classify(one)) for one in array]
    assert done(client.classify_batch(list(array))) == again and all(one != other for one, other in zip(alone, again))


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_of_another_size_holds_pictures(kind, cropping):
    deployment, server = cropping
    client = client_of(kind, deployment, server.url)
    array = np.stack([np.asarray(Image.open(DEMO / "client" / file).convert("RGB").resize((100, 90))) for file in PICTURES])
    assert done(client.classify_batch(array)) == [done(client.classify(one)) for one in array]


@pytest.mark.parametrize("kind", KINDS)
def test_an_array_of_floats_holds_inputs(kind, cropping):
    deployment, server = cropping
    client = client_of(kind, deployment, server.url)
    floats = np.random.default_rng(1).normal(size=(3, 3, 64, 64)).astype(np.float32)
    assert done(client.classify_batch(floats)) == [done(client.classify(floats[index:index + 1])) for index in range(3)]
    with pytest.raises(infenclave.InvalidInput):
        done(client.classify_batch(np.ones(())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, -1, float("nan")])
def test_no_request_in_flight_is_refused_before_anything_is_sent(kind, count, deployment, server):
    with Meddler(server.url) as host:
        client = client_of(kind, deployment, host.url)

        async def soon(work):
            return await asyncio.wait_for(work, 10)

        with pytest.raises(infenclave.InvalidConfiguration, match="pass 1 or more"):
            work = client.classify_batch([STOP], maximum_in_flight=count)
            done(soon(work) if kind == "AsyncClient" else work)
        assert host.paths == []


def test_an_asynchronous_client_outlives_its_event_loop(deployment, server):
    client = client_of("AsyncClient", deployment, server.url, maximum_session_age=0)

    async def several():
        # All of them want to attest, and wait for each other.
        await asyncio.gather(*(client.attest() for _ in range(4)))
        return await client.classify_batch([STOP] * 4)

    for _ in range(3):
        assert [answer[0].name for answer in asyncio.run(several())] == ["Stop"] * 4


def test_locks_of_closed_event_loops_are_not_kept():
    medium = AsyncMedium(None)

    async def contend():
        async def hold():
            async with medium.lock:
                await asyncio.sleep(0)

        await asyncio.gather(hold(), hold())

    for _ in range(5):
        asyncio.run(contend())
    gc.collect()
    assert len(medium._locks) == 1
