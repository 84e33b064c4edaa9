"""Dead or alive: only what this host can tell for sure counts."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from dataclasses import replace

import psutil

from campaigns.ledger import Owner
from support.ledgers import ELSEWHERE, ME


def test_this_process_lives_and_says_where() -> None:
    assert not ME.surely_dead()
    assert str(ME) == f"process {ME.pid} on {platform.node()}"


def test_a_process_of_another_host_is_never_surely_dead() -> None:
    assert not ELSEWHERE.surely_dead()


def test_a_pid_that_was_given_away_again_is_not_the_owner() -> None:
    assert replace(ME, started=ME.started - 3600).surely_dead()
    assert not replace(ME, started=ME.started + 0.01).surely_dead()


def test_a_killed_process_is_dead_even_before_its_parent_noticed() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = Owner(platform.node(), child.pid, psutil.Process(child.pid).create_time())
    assert not owner.surely_dead()
    child.kill()
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert owner.surely_dead()
    child.communicate()
    assert owner.surely_dead()
