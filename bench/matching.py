"""One evaluator in a process of its own: `python -m bench.matching compiled|twin|oracle OFFERS SITUATIONS`.

For each line of its input it does one round and prints the microseconds a question took and a digest of all answers.
"""

import hashlib
import os
import sys
import time

if sys.argv[1:2] == ["twin"]:
    os.environ["POI_PURE"] = "1"  # before the matcher is imported

from bench.offers import offers, situations
from bench.trade import trade
from poi_cext.match import COMPILED
from poi_offers.catalogue import Catalogue
from poi_offers.eligibility import judge
from poi_offers.model import Offer
from poi_offers.situation import Situation


def _oracle(catalogue: Catalogue, situation: Situation) -> list[Offer]:
    found = [offer for offer in catalogue.offers() if judge(offer.conditions, situation).truth]
    return sorted(found, key=lambda offer: (-offer.stacking.priority, offer.offer_id))


def main(evaluator: str, count: int, asked: int) -> None:
    """Answer rounds until the input ends."""
    if evaluator == "compiled" and not COMPILED:
        raise SystemExit("the compiled matcher is not built")
    bought = trade()
    catalogue = Catalogue(offers(count, bought.articles))
    questions = situations(asked, bought.baskets)
    ask = _oracle if evaluator == "oracle" else Catalogue.eligible
    ask(catalogue, questions[0])
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        answers = [ask(catalogue, situation) for situation in questions]
        took = (time.perf_counter() - start) / asked * 1e6
        named = "\n".join(",".join(offer.offer_id for offer in answer) for answer in answers)
        eligible = sum(map(len, answers)) / asked
        print(took, hashlib.sha256(named.encode()).hexdigest(), eligible, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
