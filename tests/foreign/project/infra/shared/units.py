def in_grams(weight, unit):
    return weight * {"gram": 1, "kilogram": 1000}[unit]
