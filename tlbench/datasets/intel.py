"""Intel Image Classification: six kinds of scenes."""

from tlbench.datasets.spec import DatasetInfo

INTEL = DatasetInfo(
    name="intel",
    title="Intel Image Classification (Analytics Vidhya's scene challenge)",
    classes=("buildings", "forest", "glacier", "mountain", "sea", "street"),
    where=(
        "no open download: with an account, fetch puneet6060/intel-image-classification from Kaggle and put its "
        "seg_train and seg_test in <data folder>/intel"
    ),
)
