"""Small tools that know nothing of the product: time, ids, secrets, paging, errors."""
