"""No false alarms: sound machines as they are written for AWS, each with an example of its input.

Polling, callbacks, sagas, Maps of both kinds, branches within branches, loops, catching, SDK and optimized
integrations. A warning here is one that somebody would have to silence.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from sfn_sim.analysis.check import Finding
from sfn_sim.commands.checking import CheckRequest, carry_out
from sfn_sim.config import Config
from sfn_sim.payload import Json

HERE = Path(__file__).resolve().parent
FILES = sorted(HERE.glob("*.asl.json"))
SDK = "arn:aws:states:::aws-sdk:"


@functools.cache
def inputs() -> dict[str, Json]:
    found: dict[str, Json] = json.loads((HERE / "inputs.json").read_text(encoding="utf-8"))
    return found


def alarms(file: Path, *examples: str) -> list[Finding]:
    config = Config(file=None, definitions=file.parent, handlers=file.parent)
    (report,) = carry_out(CheckRequest(machines=(str(file),), inputs=examples), config).reports
    assert report.loads
    return [each for each in report.findings if each.severity != "note"]


def told(found: list[Finding]) -> list[str]:
    return [f"{each.severity} {each.code} in {each.state}: {each.what}" for each in found]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".asl.json"))
def test_a_sound_machine_has_neither_errors_nor_warnings_with_or_without_its_input(file: Path) -> None:
    example = json.dumps(inputs()[file.name.removesuffix(".asl.json")])
    assert told(alarms(file)) == []
    assert told(alarms(file, example)) == []


def test_every_sound_machine_has_an_example_of_its_input() -> None:
    assert {file.name.removesuffix(".asl.json") for file in FILES} == inputs().keys()
    assert len(FILES) > 80


READS = {
    "ec2:describeInstances": (
        ".Reservations[0].Instances[0].State.Name",
        ".Reservations[*].Instances[*].InstanceId",
        ".Reservations[0].Instances[0].PrivateIpAddress",
        ".Reservations[0].Instances[0].Tags[?(@.Key == 'Name')].Value",
    ),
    "ec2:runInstances": (".Instances[0].InstanceId",),
    "ec2:describeSnapshots": (".Snapshots[0].State", ".Snapshots[0].Progress",),
    "ec2:describeVpcs": (".Vpcs[0].VpcId", ".Vpcs[0].CidrBlock",),
    "ecs:describeServices": (".Services[0].RunningCount", ".Services[0].Deployments[0].RolloutState",),
    "ecs:listTasks": (".TaskArns[0]",),
    "ecs:describeTasks": (".Tasks[0].LastStatus", ".Tasks[0].Containers[0].ExitCode",),
    "batch:describeJobs": (".Jobs[0].Status", ".Jobs[0].Container.LogStreamName",),
    "ssm:getParameter": (".Parameter.Value",),
    "ssm:getParametersByPath": (".Parameters[*].Value", ".Parameters[0].Name",),
    "ssm:sendCommand": (".Command.CommandId", ".Command.Status",),
    "ssm:getCommandInvocation": (".Status", ".StandardOutputContent", ".ResponseCode",),
    "secretsmanager:getSecretValue": (".SecretString",),
    "sts:assumeRole": (".Credentials.AccessKeyId", ".AssumedRoleUser.Arn",),
    "sts:getCallerIdentity": (".Account", ".Arn",),
    "cloudformation:describeStacks": (".Stacks[0].StackStatus", ".Stacks[0].Outputs[0].OutputValue",),
    "organizations:listAccounts": (".Accounts[*].Id", ".Accounts[0].Status",),
    "organizations:createAccount": (".CreateAccountStatus.Id",),
    "lambda:getFunction": (".Configuration.FunctionArn", ".Code.Location",),
    "lambda:invoke": (".Payload", ".StatusCode",),
    "rekognition:detectLabels": (".Labels[*].Name", ".Labels[0].Confidence",),
    "rekognition:detectModerationLabels": (".ModerationLabels[0].Name",),
    "comprehend:detectSentiment": (".Sentiment", ".SentimentScore.Positive",),
    "translate:translateText": (".TranslatedText",),
    "polly:startSpeechSynthesisTask": (".SynthesisTask.TaskId", ".SynthesisTask.OutputUri",),
    "polly:getSpeechSynthesisTask": (".SynthesisTask.TaskStatus",),
    "textract:detectDocumentText": (".Blocks[*].Text", ".DocumentMetadata.Pages",),
    "bedrockruntime:converse": (".Output.Message.Content[0].Text", ".Usage.TotalTokens", ".StopReason",),
    "bedrockagentruntime:retrieve": (".RetrievalResults[0].Content.Text",),
    "bedrockagent:startIngestionJob": (".IngestionJob.IngestionJobId", ".IngestionJob.Status",),
    "bedrockagent:getIngestionJob": (".IngestionJob.Status",),
    "sagemaker:describeTrainingJob": (".TrainingJobStatus", ".ModelArtifacts.S3ModelArtifacts",),
    "sagemakerruntime:invokeEndpoint": (".Body",),
    "glue:getJobRun": (".JobRun.JobRunState",),
    "glue:getTables": (".TableList[*].Name", ".TableList[0].StorageDescriptor.Location",),
    "athena:getQueryExecution": (".QueryExecution.Status.State",),
    "redshiftdata:executeStatement": (".Id",),
    "redshiftdata:describeStatement": (".Status", ".HasResultSet",),
    "redshiftdata:getStatementResult": (".Records[0][0].LongValue", ".Records[0][0].StringValue",),
    "rds:startExportTask": (".ExportTaskIdentifier", ".Status",),
    "rds:createDBSnapshot": (".DbSnapshot.Status", ".DbSnapshot.DbSnapshotIdentifier",),
    "rds:describeDBSnapshots": (".DbSnapshots[0].Status", ".DbSnapshots[0].PercentProgress",),
    "rds:describeDBClusterSnapshots": (".DbClusterSnapshots[0].Status",),
    "rdsdata:executeStatement": (".Records[0][0].StringValue", ".NumberOfRecordsUpdated",),
    "eventbridge:putEvents": (".FailedEntryCount", ".Entries[0].EventId",),
    "scheduler:getSchedule": (".State",),
    "cloudwatch:getMetricStatistics": (".Datapoints[0].Average",),
    "cloudwatch:getMetricData": (".MetricDataResults[0].Values[0]",),
    "cloudwatchlogs:startQuery": (".QueryId",),
    "cloudwatchlogs:getQueryResults": (".Status", ".Results[0][0].Value",),
    "s3:headObject": (".ContentLength", ".LastModified", ".ETag", ".Metadata.owner",),
    "s3:listObjectVersions": (".Versions[0].VersionId", ".DeleteMarkers[*].Key",),
    "s3:listBuckets": (".Buckets[*].Name",),
    "s3:createMultipartUpload": (".UploadId",),
    "dynamodb:scan": (".Items[0].id.S", ".Count",),
    "dynamodb:updateItem": (".Attributes.n.N",),
    "dynamodb:batchGetItem": (".Responses.table[0].id.S",),
    "dynamodb:describeTable": (".Table.TableStatus", ".Table.ItemCount",),
    "dynamodb:exportTableToPointInTime": (".ExportDescription.ExportArn", ".ExportDescription.ExportStatus",),
    "sfn:startSyncExecution": (".Status", ".Output",),
    "sfn:listExecutions": (".Executions[0].ExecutionArn",),
    "sfn:describeMapRun": (".ItemCounts.Failed",),
    "sns:publish": (".MessageId",),
    "sesv2:sendEmail": (".MessageId",),
    "cognitoidentityprovider:adminGetUser": (".UserStatus", ".UserAttributes[0].Value",),
    "resourcegroupstaggingapi:getResources": (".ResourceTagMappingList[*].ResourceARN",),
    "elasticloadbalancingv2:describeTargetHealth": (".TargetHealthDescriptions[0].TargetHealth.State",),
    "autoscaling:describeAutoScalingGroups": (
        ".AutoScalingGroups[0].Instances[*].InstanceId",
        ".AutoScalingGroups[0].DesiredCapacity",
    ),
    "ecr:describeImages": (".ImageDetails[0].ImageDigest", ".ImageDetails[0].ImageTags[0]",),
    "codepipeline:getPipelineState": (".StageStates[0].LatestExecution.Status",),
    "codebuild:batchGetBuilds": (".Builds[0].BuildStatus",),
    "mediaconvert:getJob": (".Job.Status", ".Job.JobPercentComplete",),
    "transfer:startFileTransfer": (".TransferId",),
    "datasync:describeTaskExecution": (".Status", ".BytesTransferred",),
    "databasemigration:describeReplicationTasks": (
        ".ReplicationTasks[0].Status",
        ".ReplicationTasks[0].ReplicationTaskStats.FullLoadProgressPercent",
    ),
    "backup:startBackupJob": (".BackupJobId",),
    "backup:describeBackupJob": (".State", ".PercentDone",),
    "route53:changeResourceRecordSets": (".ChangeInfo.Id", ".ChangeInfo.Status",),
    "acm:describeCertificate": (".Certificate.Status",),
    "iam:createAccessKey": (".AccessKey.SecretAccessKey",),
    "kms:decrypt": (".Plaintext",),
    "quicksight:createIngestion": (".IngestionStatus", ".Arn",),
    "wafv2:getIPSet": (".IpSet.Addresses", ".LockToken",),
    "emrserverless:startJobRun": (".JobRunId",),
    "emrserverless:getJobRun": (".JobRun.State",),
    "location:searchPlaceIndexForText": (".Results[0].Place.Geometry.Point[0]",),
    "fis:getExperiment": (".Experiment.State.Status",),
    "guardduty:getFindings": (".Findings[0].Severity", ".Findings[0].Resource.InstanceDetails.InstanceId",),
    "securityhub:getFindings": (".Findings[*].Id",),
    "support:createCase": (".CaseId",),
    "ssoadmin:createAccountAssignment": (
        ".AccountAssignmentCreationStatus.RequestId",
        ".AccountAssignmentCreationStatus.Status",
    ),
    "servicecatalog:describeRecord": (".RecordDetail.Status", ".RecordOutputs[0].OutputValue",),
    "personalize:describeDatasetImportJob": (".DatasetImportJob.Status",),
    "forecast:describePredictor": (".Status",),
    "macie2:getFindings": (".Findings[0].Severity.Description",),
    "pricing:getProducts": (".PriceList[0]",),
    "costexplorer:getCostAndUsage": (".ResultsByTime[0].Total.UnblendedCost.Amount",),
    "timestreamquery:query": (".Rows[0].Data[0].ScalarValue",),
    "elasticache:describeCacheClusters": (".CacheClusters[0].CacheClusterStatus",),
    "efs:describeFileSystems": (".FileSystems[0].LifeCycleState",),
    "eks:describeCluster": (".Cluster.Status", ".Cluster.Endpoint",),
    "opensearch:describeDomain": (".DomainStatus.Endpoint",),
    "kinesis:describeStreamSummary": (".StreamDescriptionSummary.StreamStatus",),
    "firehose:putRecord": (".RecordId",),
    "iotdataplane:getThingShadow": (".Payload",),
    "neptune:describeDBClusters": (".DbClusters[0].Status",),
    "docdb:describeDBClusters": (".DbClusters[0].Status",),
    "redshift:describeClusters": (".Clusters[0].ClusterStatus",),
    "sqs:getQueueAttributes": (".Attributes.ApproximateNumberOfMessages",),
    "sqs:sendMessage": (".MessageId", ".Md5OfMessageBody",),
    "cloudfront:createInvalidation": (".Invalidation.Id", ".Invalidation.Status",),
    "apigateway:getApiKeys": (".Items[0].Id",),
    "workspaces:describeWorkspaces": (".Workspaces[0].State",),
    "connect:startOutboundVoiceContact": (".ContactId",),
    "marketplacecatalog:describeChangeSet": (".Status",),
}
"""What machines read of the answers of SDK integrations, by service and action, below the result."""


@pytest.mark.slow
@pytest.mark.parametrize("called", READS)
def test_what_machines_read_of_the_answer_of_a_service_is_no_alarm(called: str, tmp_path: Path) -> None:
    reads = {f"x{number}.$": f"$.r{path}" for number, path in enumerate(READS[called])}
    call = {"Type": "Task", "Resource": SDK + called, "Parameters": {}, "ResultPath": "$.r", "Next": "Use"}
    states = {"Call": call, "Use": {"Type": "Pass", "Parameters": reads, "End": True}}
    file = tmp_path / "called.asl.json"
    file.write_text(json.dumps({"StartAt": "Call", "States": states}), encoding="utf-8")
    assert told(alarms(file)) == []


@pytest.mark.parametrize(
    ("called", "path", "nearest"),
    [
        ("rds:describeDBInstances", "DBInstances[0].DBInstanceStatus", "DbInstances"),
        ("ec2:describeInstances", "Reservation[0].Instances", "Reservations"),
        ("ssm:getParameter", "Parameter.Valu", "Value"),
        ("ecs:describeTasks", "tasks[0].lastStatus", "Tasks"),
    ],
)
def test_a_slip_in_the_answer_of_a_service_is_an_error_with_the_right_name(
    called: str, path: str, nearest: str, tmp_path: Path
) -> None:
    call = {"Type": "Task", "Resource": SDK + called, "Parameters": {}, "ResultPath": "$.r", "Next": "Use"}
    states = {"Call": call, "Use": {"Type": "Pass", "Parameters": {"x.$": f"$.r.{path}"}, "End": True}}
    file = tmp_path / "called.asl.json"
    file.write_text(json.dumps({"StartAt": "Call", "States": states}), encoding="utf-8")
    (found,) = alarms(file)
    assert (found.code, found.severity) == ("PATH_MISSING", "error")
    assert f"did you mean $.r.{'Parameter.' if nearest == 'Value' else ''}{nearest}?" in found.fix
