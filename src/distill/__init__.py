"""A reproducible pipeline that distils a teacher model's coding style into a small student."""
