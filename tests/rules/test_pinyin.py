import subprocess
import sys
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.pinyin import item_keys, matches, normalise, rank, readings, search_keys

AMOXICILLIN = item_keys(
    generic_name="阿莫西林",
    form="胶囊",
    strength="0.25g",
    manufacturer="珠海联邦制药股份有限公司",
    approval_no="国药准字H20003263",
    others="6901234567892",
)
SHENMAI = item_keys(
    generic_name="参麦注射液", form="注射剂", strength="10ml", manufacturer="正大青春宝药业有限公司"
)


@pytest.mark.parametrize(
    "query",
    [
        "smzsy",
        "cmzsy",
        "SMZSY",
        "ｓｍｚｓｙ",
        "shenmai",
        "canmai",
        "cenmai",
        "shenmaizsy",
        "smzhusheye",
        "shmzsy",
        "参麦",
        "麦注",
    ],
)
def test_every_reading_of_a_name_finds_it(query):
    assert matches(query, SHENMAI)
    assert not matches(query, AMOXICILLIN)


@pytest.mark.parametrize(
    "query",
    [
        "阿莫",
        "西林",
        "amxl",
        "AMXL",
        "amoxilin",
        "a'mo'xi'lin",
        "amx",
        "emxl",
        "阿莫 胶囊",
        "阿莫，胶囊",
        "阿莫西林胶囊",
        "amxl 0.25",
        "amxl　０．２５ｇ",
        "0.25g",
        "0。25",
        "amxljn0.25g",
        "阿莫xl",
        "0.25g 阿莫",
        "珠海",
        "zhlb",
        "zhuhailianbang",
        "amxl zhlb",
        "H20003263",
        "国药准字H20003263",
        "国药准字h2000",
        "20003263",
        "6901234567892",
        "",
        "  ",
    ],
)
def test_an_item_is_found_by_what_people_type(query):
    assert matches(query, AMOXICILLIN)


@pytest.mark.parametrize(
    "query", ["阿莫 片", "amxl 0.5", "25g", "5g", "阿西", "amlx", "xyz", "阿莫西林分散片", "0.25g 0.5g"]
)
def test_what_does_not_fit_is_not_found(query):
    assert not matches(query, AMOXICILLIN)


def test_a_strength_is_not_found_inside_another():
    other = item_keys(generic_name="某药", form="片", strength="10.25g", manufacturer="某厂")
    assert not matches("0.25g", other)
    assert not matches("0.25", other)
    assert matches("10.25", other)


def test_digits_and_latin_letters_of_a_name_stay():
    keys = search_keys("维生素B12")
    assert all(matches(query, keys) for query in ("维生素b12", "wssb12", "WSSB", "b12", "素B"))
    assert matches("5fnmd", search_keys("5-氟尿嘧啶"))


@given(st.text(alphabet="参单硝汀重绿氯长乐石", min_size=1, max_size=5))
def test_initials_of_any_combination_of_readings_find_the_name(name):
    keys = search_keys(name)
    for combination in product(*(readings(character) for character in name)):
        assert matches("".join(reading[0] for reading in combination), keys)
        assert matches("".join(combination), keys)


@given(st.text(max_size=40), st.text(max_size=20))
def test_no_text_breaks_the_search(query, name):
    keys = search_keys(name)
    assert matches(query, keys) in (True, False)
    assert rank(query, keys) in range(5)


def test_very_long_queries_cost_no_time():
    assert not matches("sh" * 5000, SHENMAI)


def test_nearer_matches_rank_first():
    names = ["注射用阿莫西林", "阿莫西林", "氨麻"]
    found = sorted(
        (name for name in names if matches("am", search_keys(name))), key=lambda n: rank("am", search_keys(n))
    )
    assert found[-1] == "注射用阿莫西林"
    assert rank("", SHENMAI) == 0


def test_searching_does_not_load_the_dictionary():
    code = (
        "import sys\n"
        "from clinic_orders.rules.pinyin import SearchKeys, matches, rank\n"
        "keys = SearchKeys('参麦', 'cm', '|can,cen,shen|mai')\n"
        "assert matches('sm', keys) and rank('sm', keys) == 4\n"
        "assert 'pypinyin' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_readings_are_plain_letters():
    assert readings("绿")[0] == "lv"
    assert "lu" in readings("绿")
    assert readings("α") == readings("1") == ()
    assert normalise("（Ⅱ）") == "(ii)"
