# SPDX-License-Identifier: Apache-2.0
"""The broker's tests once more, with a boto3 from PyPI in place of Debian's."""
import os
import sys

import boto3

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "integration"))
from test_broker_clients import BrokerClients as Base  # noqa: E402

print("boto3 %s from %s" % (boto3.__version__, os.path.dirname(boto3.__file__)), flush=True)


class Boto3Newest(Base):
    pass


del Base
