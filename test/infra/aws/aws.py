"""A stand-in for AWS on loopback: moto, and the MSK calls that moto 5.2 lacks.

moto itself answers EC2, IAM, Route 53, SSM, STS, Logs and MSK create, describe and delete. Written here, as our reading of
AWS's API: MSK configurations, bootstrap brokers, UpdateConnectivity, cluster operations, the step from CREATING to ACTIVE,
404 for a deleted cluster, what public access presumes; and that an interface outlives its terminated instance. What passes
here says that Terraform sends the right calls in the right order. It does not say that AWS accepts them.

    python aws.py [--port PORT]     prints "listening on PORT"; ends with its standard input
"""

import argparse
import base64
import datetime
import io
import json
import os
import re
import sys
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # AmazonSSMManagedInstanceCore; read when moto is imported

from moto.ec2.models.instances import Instance
from moto.kafka.models import FakeKafkaCluster, kafka_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

Json = dict[str, Any]
Wsgi = Callable[[Json, Any], Any]

ACCOUNT = "123456789012"
configurations: dict[str, Json] = {}
operations: dict[str, Json] = {}
seen: dict[str, int] = {}  # describes since the last change, to show "still creating" at least once


class Refused(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.response = Response(
            json.dumps({"message": message}), status, {"x-amzn-errortype": kind}, content_type="application/json"
        )


def bad(message: str) -> Refused:
    return Refused(400, "BadRequestException", message)


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def cluster_of(region: str, arn: str) -> FakeKafkaCluster:
    cluster = kafka_backends[ACCOUNT][region].clusters.get(arn)
    if cluster is None:
        raise Refused(404, "NotFoundException", f"The requested resource doesn't exist: {arn}")
    return cluster


def public_type(info: Json | None) -> str:
    return (((info or {}).get("connectivityInfo") or {}).get("publicAccess") or {}).get("type") or "DISABLED"


# --- clusters


def before_create(body: Json, **_: str) -> None:
    if public_type(body.get("brokerNodeGroupInfo")) != "DISABLED":
        raise bad("The public access type must be DISABLED when a cluster is created.")


def before_describe(body: Json, region: str, arn: str) -> None:
    cluster = cluster_of(region, arn)
    seen[arn] = seen.get(arn, 0) + 1
    if cluster.state == "CREATING" and seen[arn] > 1:
        cluster.state = "ACTIVE"


def before_delete(body: Json, region: str, arn: str) -> None:
    cluster_of(region, arn)


def bootstrap_brokers(body: Json, region: str, arn: str) -> Json:
    cluster = cluster_of(region, arn)
    count = range(1, cluster.number_of_broker_nodes + 1)
    host = f"{cluster.cluster_name}.abc123.c2.kafka.{region}.amazonaws.com"
    answer = {"bootstrapBrokerStringSaslIam": ",".join(f"b-{i}.{host}:9098" for i in count)}
    if public_type(cluster.broker_node_group_info) == "SERVICE_PROVIDED_EIPS":
        answer["bootstrapBrokerStringPublicSaslIam"] = ",".join(f"b-{i}-public.{host}:9198" for i in count)
    return answer


def update_connectivity(body: Json, region: str, arn: str) -> Json:
    cluster = cluster_of(region, arn)
    if cluster.state != "ACTIVE":
        raise bad(f"The cluster is {cluster.state}.")
    if body["currentVersion"] != cluster.current_version:
        raise bad("This operation cannot be performed on this version of the cluster.")
    if public_type(body) == "SERVICE_PROVIDED_EIPS":
        check_public(cluster)
    cluster.broker_node_group_info.setdefault("connectivityInfo", {}).update(body["connectivityInfo"])
    cluster.current_version = uuid.uuid4().hex[:14].upper()
    cluster.state, seen[arn] = "UPDATING", 0
    operation = f"{arn.replace(':cluster/', ':cluster-operation/')}/{uuid.uuid4()}"
    operations[operation] = {
        "clusterArn": arn,
        "clusterOperationArn": operation,
        "creationTime": now(),
        "operationState": "UPDATE_IN_PROGRESS",
        "operationType": "UPDATE_CONNECTIVITY",
    }
    return {"clusterArn": arn, "clusterOperationArn": operation}


def check_public(cluster: FakeKafkaCluster) -> None:
    transit = (cluster.encryption_info or {}).get("encryptionInTransit") or {}
    authentication = cluster.client_authentication or {}
    if (authentication.get("unauthenticated") or {}).get("enabled") or not authentication.get("sasl"):
        raise bad("Public access needs an authentication method, and unauthenticated access off.")
    if transit.get("clientBroker", "TLS") != "TLS" or not transit.get("inCluster", True):
        raise bad("Public access needs TLS between clients and brokers, and in-cluster encryption.")
    if cluster.kafka_version.endswith(".kraft") and cluster.open_monitoring:
        raise bad("KRaft clusters cannot have public access and open monitoring together.")
    configuration = configuration_of((cluster.configuration_info or {}).get("arn", ""))
    latest = configuration["revisions"][configuration["latestRevision"]["revision"]]
    if "allow.everyone.if.no.acl.found=false" not in base64.b64decode(latest).decode():
        raise bad("Public access needs allow.everyone.if.no.acl.found=false.")


def describe_operation(body: Json, region: str, arn: str) -> Json:
    operation, key = operations[arn], "operation " + arn
    seen[key] = seen.get(key, 0) + 1
    if seen[key] > 1:
        operation["operationState"] = "UPDATE_COMPLETE"
        cluster_of(region, operation["clusterArn"]).state = "ACTIVE"
    return {"clusterOperationInfo": operation}


# --- configurations


def create_configuration(body: Json, region: str) -> Json:
    arn = f"arn:aws:kafka:{region}:{ACCOUNT}:configuration/{body['name']}/{uuid.uuid4()}-1"
    configurations[arn] = {
        "arn": arn,
        "creationTime": now(),
        "kafkaVersions": body.get("kafkaVersions", []),
        "latestRevision": {"creationTime": now(), "revision": 1},
        "name": body["name"],
        "state": "ACTIVE",
        "revisions": {1: body["serverProperties"]},
    }
    return shown(configurations[arn])


def shown(configuration: Json) -> Json:
    return {key: value for key, value in configuration.items() if key != "revisions"}


def configuration_of(arn: str) -> Json:
    if arn not in configurations:
        raise bad("This operation cannot be performed because Configuration ARN does not exist.")
    return configurations[arn]


def describe_configuration(body: Json, region: str, arn: str) -> Json:
    return shown(configuration_of(arn))


def describe_revision(body: Json, region: str, arn: str, revision: str) -> Json:
    properties = configuration_of(arn)["revisions"][int(revision)]
    return {"arn": arn, "creationTime": now(), "revision": int(revision), "serverProperties": properties}


def update_configuration(body: Json, region: str, arn: str) -> Json:
    configuration = configuration_of(arn)
    revision = configuration["latestRevision"]["revision"] + 1
    configuration["latestRevision"] = {"creationTime": now(), "revision": revision}
    configuration["revisions"][revision] = body["serverProperties"]
    return {"arn": arn, "latestRevision": configuration["latestRevision"]}


def delete_configuration(body: Json, region: str, arn: str) -> Json:
    configuration_of(arn)
    for cluster in kafka_backends[ACCOUNT][region].clusters.values():
        if (cluster.configuration_info or {}).get("arn") == arn:
            raise bad("Configuration is in use by one or more clusters.")
    del configurations[arn]
    return {"arn": arn, "state": "DELETING"}


def list_configurations(body: Json, region: str) -> Json:
    return {"configurations": [shown(configuration) for configuration in configurations.values()]}


ARN = r"(?P<arn>arn[^/?]*(?:/[^/?]+)+?)"  # after percent-decoding
Handler = Callable[..., Json | None]
# A handler that returns None lets moto answer.
ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", r"/v1/clusters", before_create),
    ("GET", r"/v1/configurations", list_configurations),
    ("POST", r"/v1/configurations", create_configuration),
    ("GET", rf"/v1/configurations/{ARN}/revisions/(?P<revision>\d+)", describe_revision),
    ("GET", rf"/v1/configurations/{ARN}", describe_configuration),
    ("PUT", rf"/v1/configurations/{ARN}", update_configuration),
    ("DELETE", rf"/v1/configurations/{ARN}", delete_configuration),
    ("GET", rf"/v1/clusters/{ARN}/bootstrap-brokers", bootstrap_brokers),
    ("PUT", rf"/v1/clusters/{ARN}/connectivity", update_connectivity),
    ("GET", rf"/(?:api/v2|v1)/operations/{ARN}", describe_operation),
    ("GET", rf"/(?:api/v2|v1)/clusters/{ARN}", before_describe),
    ("DELETE", rf"/v1/clusters/{ARN}", before_delete),
]


def with_msk(app: Wsgi) -> Wsgi:
    """Answers the routes above, and lets moto answer all else."""

    def wrapped(environ: Json, start_response: Any) -> Any:
        request = Request(environ)
        authorization = request.headers.get("Authorization", "")
        signed_for = re.search(r"Credential=[^/]+/\d+/([^/]+)/kafka/aws4_request", authorization)
        if not signed_for:
            return app(environ, start_response)
        path = unquote(unquote(environ.get("RAW_URI", environ["PATH_INFO"]).split("?")[0]))
        body = request.get_json(silent=True, cache=True) or {}
        environ["wsgi.input"] = io.BytesIO(request.get_data())
        answer = None
        for method, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if method != request.method or not found:
                continue
            try:
                answer = handler(body=body, region=signed_for[1], **found.groupdict())
            except Refused as refused:
                return refused.response(environ, start_response)
            break
        if answer is None:
            return app(environ, start_response)
        return Response(json.dumps(answer), content_type="application/json")(environ, start_response)

    return wrapped


def terminate(instance: Instance, terminate_in_moto: Callable[[Instance], Any] = Instance.terminate) -> Any:
    """AWS detaches an interface that is to outlive its instance; moto leaves it attached for ever, so destroy fails."""
    kept = [nic for nic in instance.nics.values() if not nic.delete_on_termination]
    state = terminate_in_moto(instance)
    for nic in kept:
        nic.instance = nic.attachment_id = nic.attach_time = nic.device_index = None
        nic.status = "available"
    return state


def end_with_input() -> None:
    """Whoever started this holds the other end: when it is gone, so are we."""
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    port: int = parser.parse_args().port
    Instance.terminate = terminate
    server = make_server("127.0.0.1", port, with_msk(DomainDispatcherApplication(create_backend_app)), threaded=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    print(f"listening on {server.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
