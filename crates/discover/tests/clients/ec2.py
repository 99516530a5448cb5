"""An EC2 for tests: moto, which checks signatures and permissions as soon as the machines are made.

Prints its address and two keys, one that may list machines and one that may not, as JSON; ends with its input.
"""

import json
import os
import sys

# Calls that are let through without a look at who makes them: those below, made with boto3's own signature.
CALLS = 11
os.environ.update(
    AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="eu-west-1", NO_PROXY="127.0.0.1"
)
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(CALLS)

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://127.0.0.1:{port}"
made = 0


def call(function, **arguments):
    global made
    made += 1
    return function(**arguments)


def client(service, region):
    return boto3.client(service, region_name=region, endpoint_url=endpoint)


iam = client("iam", "us-east-1")
keys = {}
for user in ("reader", "stranger"):
    call(iam.create_user, UserName=user)
    keys[user] = call(iam.create_access_key, UserName=user)["AccessKey"]
policy = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}],
}
call(iam.put_user_policy, UserName="reader", PolicyName="list", PolicyDocument=json.dumps(policy))

ids = {}
for region, name, count in (("eu-west-1", "web", 3), ("eu-central-1", "db", 1)):
    ec2 = client("ec2", region)
    run = call(
        ec2.run_instances,
        ImageId="ami-12c6146b",
        MinCount=count,
        MaxCount=count,
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}, {"Key": "env", "Value": "a & b"}]}
        ],
    )
    ids[region] = sorted(instance["InstanceId"] for instance in run["Instances"])
west = client("ec2", "eu-west-1")
call(west.stop_instances, InstanceIds=ids["eu-west-1"][:1])
call(west.terminate_instances, InstanceIds=ids["eu-west-1"][1:2])
while made < CALLS:
    call(west.describe_regions)

print(
    json.dumps(
        {
            "endpoint": endpoint,
            "stopped": ids["eu-west-1"][0],
            "running": ids["eu-west-1"][2],
            "database": ids["eu-central-1"][0],
            "keys": {user: [key["AccessKeyId"], key["SecretAccessKey"]] for user, key in keys.items()},
        }
    ),
    flush=True,
)
sys.stdin.read()
server.stop()
