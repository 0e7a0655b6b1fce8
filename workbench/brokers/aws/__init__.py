"""Amazon SNS and SQS as a broker."""

from workbench.brokers.aws.broker import AWSBroker

__all__ = ["AWSBroker"]
