"""What grows how when a database holds more and more prefectures.

``filling`` one prefecture after another · ``measures`` what is looked at, each time on a copy · ``law`` the exponents.
"""
