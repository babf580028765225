"""Prints, as JSON, the names of all that the stacks make of what exists in the stand-in for AWS."""

import json

import boto3

ec2, iam, route53 = boto3.client("ec2"), boto3.client("iam"), boto3.client("route53")
instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
zones = [zone["Id"] for zone in route53.list_hosted_zones()["HostedZones"]]
records = [r for zone in zones for r in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]]
addresses = [interface["NetworkInterfaceId"] for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]]
print(
    json.dumps(
        {
            "clusters": [c["ClusterArn"] for c in boto3.client("kafka").list_clusters()["ClusterInfoList"]],
            "configurations": [c["Arn"] for c in boto3.client("kafka").list_configurations()["Configurations"]],
            "log groups": [g["logGroupName"] for g in boto3.client("logs").describe_log_groups()["logGroups"]],
            "networks": [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]],
            "subnets": [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]],
            "gateways": [g["InternetGatewayId"] for g in ec2.describe_internet_gateways()["InternetGateways"]],
            "route tables": [t["RouteTableId"] for t in ec2.describe_route_tables()["RouteTables"]],
            "security groups": [g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]],
            "interfaces": addresses,
            "elastic addresses": [a["AllocationId"] for a in ec2.describe_addresses()["Addresses"]],
            # A terminated machine stays on AWS's list for a while.
            "machines": [i["InstanceId"] for i in instances if i["State"]["Name"] != "terminated"],
            "roles": [r["RoleName"] for r in iam.list_roles()["Roles"]],
            "instance profiles": [p["InstanceProfileName"] for p in iam.list_instance_profiles()["InstanceProfiles"]],
            "policies": [p["PolicyName"] for p in iam.list_policies(Scope="Local")["Policies"]],
            "records": [f"{r['Name']} {r['Type']}" for r in records],
            # moto answers with thousands of volumes that belong to images.
            "volumes": [v["VolumeId"] for v in ec2.describe_volumes(Filters=[{"Name": "encrypted", "Values": ["true"]}])["Volumes"]],
        }
    )
)
