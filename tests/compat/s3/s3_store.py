"""An S3 of others on a free port, with one bucket that anyone may read: prints its address, ends with its input."""

import sys

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
s3 = boto3.client("s3", endpoint_url=url, **keys)
s3.create_bucket(Bucket=sys.argv[1], ACL="public-read")
print(url, flush=True)
sys.stdin.read()
server.stop()
