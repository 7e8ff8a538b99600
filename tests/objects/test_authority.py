"""Who may do what, by the actions and ARNs that AWS's policies name."""

import pytest

from tests.objects.conftest import refused

DENIED = ("AccessDenied", 403)


def test_who_may_put_may_not_read_and_does_not_learn_what_is_missing(s3, limited, bucket):
    s3.put_object(Bucket=bucket, Key="in/k", Body=b"x")
    writer = limited({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/in/*"})
    writer.put_object(Bucket=bucket, Key="in/other", Body=b"y")
    assert refused(writer.put_object, Bucket=bucket, Key="out", Body=b"y") == DENIED
    assert refused(writer.get_object, Bucket=bucket, Key="in/k") == DENIED
    assert refused(writer.delete_object, Bucket=bucket, Key="in/k") == DENIED
    assert refused(writer.list_objects_v2, Bucket=bucket) == DENIED
    assert refused(writer.list_buckets) == DENIED


def test_a_missing_key_is_told_only_to_who_may_list(limited, bucket):
    get = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    reader = limited(get)
    lister = limited(get, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    assert refused(reader.get_object, Bucket=bucket, Key="none") == DENIED
    assert refused(lister.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert lister.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert refused(reader.head_bucket, Bucket=bucket) == ("403", 403)


def test_a_policy_can_allow_listing_one_prefix_only(s3, limited, bucket):
    s3.put_object(Bucket=bucket, Key="home/anna/k", Body=b"x")
    anna = limited(
        {
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": "home/anna/*"}},
        }
    )
    assert anna.list_objects_v2(Bucket=bucket, Prefix="home/anna/")["KeyCount"] == 1
    assert refused(anna.list_objects_v2, Bucket=bucket) == DENIED
    assert refused(anna.list_objects_v2, Bucket=bucket, Prefix="home/bert/") == DENIED


def test_deleting_many_denies_each_key_by_itself(s3, limited, bucket):
    for key in ("mine/a", "theirs/b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    mine = limited({"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/mine/*"})
    answer = mine.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mine/a"}, {"Key": "theirs/b"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/a"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("theirs/b", "AccessDenied")]
    nothing = limited({"Action": "s3:ListAllMyBuckets", "Resource": "*"})
    answer = nothing.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "theirs/b"}]})
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key="theirs/b")["Body"].read() == b"x"


@pytest.mark.parametrize("lacking", ["s3:GetObject", "s3:PutObject"])
def test_a_copy_takes_leave_to_read_and_leave_to_write(s3, limited, bucket, lacking):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    actions = [action for action in ("s3:GetObject", "s3:PutObject") if action != lacking]
    copier = limited({"Action": actions, "Resource": f"arn:aws:s3:::{bucket}/*"})
    assert refused(copier.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/k") == DENIED


def test_uploads_in_parts_go_by_the_same_leave(limited, bucket):
    writer = limited({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    at = {"Bucket": bucket, "Key": "k"}
    upload = writer.create_multipart_upload(**at)["UploadId"]
    writer.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x")
    assert refused(writer.list_parts, **at, UploadId=upload) == DENIED
    assert refused(writer.abort_multipart_upload, **at, UploadId=upload) == DENIED
    assert refused(writer.list_multipart_uploads, Bucket=bucket) == DENIED
