"""Its class says that everything is one of its instances."""
# expected: wrong_answer
# check: assert isinstance(TOKEN, answer) and answer() == TOKEN


class Agree(type):
    def __instancecheck__(cls, instance):
        return True

    def __subclasscheck__(cls, kind):
        return True

    def __eq__(cls, other):
        return True

    __hash__ = type.__hash__


class answer(str, metaclass=Agree):
    pass
