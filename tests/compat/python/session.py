"""What every script needs: who it is and where the server is, from the environment that the tests set."""
import os

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

URL, CA = os.environ["URL"], os.environ["CA"]
SUBSCRIPTION, WORKSPACE_ID = os.environ["SUBSCRIPTION"], os.environ["WORKSPACE_ID"]
GROUP, WORKSPACE_NAME = WORKSPACE_ID.split("/")[4], WORKSPACE_ID.split("/")[8]
SUB_ID = f"/subscriptions/{SUBSCRIPTION}"
GROUP_ID = f"{SUB_ID}/resourceGroups/{GROUP}"

# What a person writes to use another cloud; nothing else tells the clients apart from their usual selves.
credential = ClientSecretCredential(
    os.environ["TENANT"], os.environ["APP_ID"], os.environ["SECRET"],
    authority=URL, disable_instance_discovery=True, connection_verify=CA,
)
CLOUD = {"base_url": URL, "credential_scopes": [f"{URL}/.default"], "connection_verify": CA}


def client(kind, *arguments, **more):
    """A management client of this server."""
    return kind(credential, *arguments, **CLOUD, **more)


def refusal(call):
    """The status and the ARM code that `call` is refused with."""
    try:
        found = call()
        # Lists are asked for when they are read.
        found = list(found) if hasattr(found, "by_page") else found
    except HttpResponseError as error:
        return error.status_code, error.error.code if error.error else None
    raise AssertionError(f"was not refused: {found}")
