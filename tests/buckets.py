"""A Google Cloud Storage of one's own, in memory and on loopback; gs:// paths lead to it."""

import contextlib
import os
import socket
from collections.abc import Iterator
from unittest import mock

from gcp_storage_emulator.handlers import objects
from gcp_storage_emulator.server import create_server

BUCKET = "gs://bucket"


@contextlib.contextmanager
def bucket() -> Iterator[str]:
    """Inside, there is the bucket `BUCKET`, for this process and those it starts."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    variables = {
        "STORAGE_EMULATOR_HOST": url,  # for gcsfs and Google's own client
        "TENSORSTORE_GCS_HTTP_URL": url,
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": "anyone",  # for tensorstore
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # asks for things that emulators do not know
    }
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    try:
        with (
            mock.patch.dict(os.environ, variables),
            mock.patch.object(objects, "download", _with_generation(objects.download)),
        ):
            yield BUCKET
    finally:
        server.stop()


def _with_generation(download):
    """The emulator does not say of which generation an object is; tensorstore asks when it looks again."""

    def answer(request, response, storage, *args, **kwargs):
        download(request, response, storage, *args, **kwargs)
        if response.status < 300:
            stored = storage.get_file_obj(
                request.params["bucket_name"], request.params["object_id"]
            )
            response["x-goog-generation"] = stored["generation"]

    return answer


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
