"""schemathesis over the server's own OpenAPI documents: whatever is sent, no answer is the server's failure (5xx).

EXAMPLES is how many requests each operation gets at most (default 3), SEED makes a run repeatable.
"""
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

URL, CA = os.environ["URL"], os.environ["CA"]
EXAMPLES, SEED = os.environ.get("EXAMPLES", "3"), os.environ.get("SEED", "7")
FIXED = {
    "subscriptionId": os.environ["SUBSCRIPTION"],
    "resourceGroupName": os.environ["WORKSPACE_ID"].split("/")[4],
    "workspaceName": os.environ["WORKSPACE_ID"].split("/")[8],
    "machineName": os.environ["MACHINE"].split("/")[-1],
    "tenant": os.environ["TENANT"],
}
# These end sessions or make people: fuzzing them locks the rest of the run out.
LEFT_OUT = ["/portal/", "/v1.0/", "/identity/", "/agent/", "/{tenant}/", "/device"]

trusted = ssl.create_default_context(cafile=CA)


def fetch(path, form=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(URL + path, data=data, context=trusted) as answer:
        return json.load(answer)


token = fetch(f"/{os.environ['TENANT']}/oauth2/v2.0/token", {
    "grant_type": "client_credentials", "client_id": os.environ["APP_ID"],
    "client_secret": os.environ["SECRET"], "scope": f"{URL}/.default",
})["access_token"]
with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder, "schemathesis.toml")
    config.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in FIXED.items()))
    # All documents as one: starting the tool costs more than its requests.
    whole = None
    for link in fetch("/openapi")["value"]:
        document = fetch(link["url"])
        if whole is None:
            whole = {**document, "paths": {}}
        whole["paths"].update(
            (path, methods) for path, methods in document["paths"].items() if not path.startswith(tuple(LEFT_OUT))
        )
        for kind, entries in document["components"].items():
            # `api-version` means another version in each document.
            mine = {name: entry for name, entry in entries.items() if name != "api-version"}
            whole["components"].setdefault(kind, {}).update(mine)
        version = document["components"]["parameters"].get("api-version")
        if version:
            name = f"api-version-{link['name']}"
            whole["components"]["parameters"][name] = version
            reference = {"$ref": "#/components/parameters/api-version"}
            for methods in document["paths"].values():
                for operation in methods.values():
                    for parameter in operation["parameters"]:
                        if parameter == reference:
                            parameter["$ref"] = f"#/components/parameters/{name}"
    schema = pathlib.Path(folder, "openapi.json")
    schema.write_text(json.dumps(whole))
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", str(config), "run", str(schema),
        "--url", URL, "--tls-verify", CA, "--header", f"Authorization: Bearer {token}",
        "--checks", "not_a_server_error", "--phases", "coverage,fuzzing" if int(EXAMPLES) > 3 else "fuzzing",
        "--mode", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--generation-database", "none",
        "--suppress-health-check", "all", "--request-timeout", "60", "--no-color",
    ]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    tested = [line.strip() for line in ran.stdout.splitlines() if "generated" in line or "Tested:" in line]
    print(len(whole["paths"]), "paths;", *tested)
    if ran.returncode != 0:
        raise SystemExit(f"{ran.stdout[-12000:]}{ran.stderr[-2000:]}")
