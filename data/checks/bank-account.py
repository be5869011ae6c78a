import pytest
from solution import BankAccount


def test_new_account():
    assert BankAccount("Ada").balance == 0
    account = BankAccount("Grace", 120)
    assert account.balance == 120
    assert account.owner == "Grace"


def test_deposit_and_withdraw():
    account = BankAccount("Ada", 10)
    assert account.deposit(15) == 25
    assert account.withdraw(5) == 20
    assert account.balance == 20


def test_withdraw_everything():
    account = BankAccount("Ada", 30)
    assert account.withdraw(30) == 0
    assert account.balance == 0


def test_overdraft_changes_nothing():
    account = BankAccount("Ada", 40)
    with pytest.raises(ValueError):
        account.withdraw(41)
    assert account.balance == 40


def test_invalid_amounts():
    account = BankAccount("Ada", 9)
    for amount in (0, -3):
        with pytest.raises(ValueError):
            account.deposit(amount)
        with pytest.raises(ValueError):
            account.withdraw(amount)
    assert account.balance == 9


def test_negative_opening_balance():
    with pytest.raises(ValueError):
        BankAccount("Ada", -1)
    assert BankAccount("Ada", 0).balance == 0
