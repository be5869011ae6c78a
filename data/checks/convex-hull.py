from solution import convex_hull


def hull(points):
    return [tuple(point) for point in convex_hull(points)]


def test_square_with_inner_points():
    points = [(3, 3), (0, 0), (1, 1), (3, 0), (2, 1), (0, 3)]
    assert hull(points) == [(0, 0), (3, 0), (3, 3), (0, 3)]


def test_points_on_edges_are_left_out():
    points = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    assert hull(points) == [(0, 0), (2, 0), (2, 2), (0, 2)]


def test_general_position():
    points = [(-4, 1), (5, 2), (0, -6), (1, 7), (2, 2), (-1, 0), (4, -3), (-3, 5)]
    assert hull(points) == [(-4, 1), (0, -6), (4, -3), (5, 2), (1, 7), (-3, 5)]


def test_collinear():
    assert hull([(1, 1), (3, 3), (2, 2), (5, 5)]) == [(1, 1), (5, 5)]
    assert hull([(4, 9), (4, -1), (4, 2)]) == [(4, -1), (4, 9)]


def test_duplicates_and_small_inputs():
    assert hull([(2, 0), (0, 0), (2, 0), (1, 2), (0, 0)]) == [(0, 0), (2, 0), (1, 2)]
    assert hull([(6, 7), (6, 7)]) == [(6, 7)]
    assert hull([]) == []
