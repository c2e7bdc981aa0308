"""Intel Image Classification: six kinds of scenes."""

from tlbench.datasets.spec import DatasetInfo

INTEL = DatasetInfo(
    name="intel",
    title="Intel Image Classification (Analytics Vidhya's scene challenge)",
    classes=("buildings", "forest", "glacier", "mountain", "sea", "street"),
    where=(
        "it has no open download: fetch `puneet6060/intel-image-classification` from Kaggle with an account and put "
        "its seg_train and seg_test there"
    ),
)
