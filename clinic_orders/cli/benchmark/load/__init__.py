"""Many people at once: a filled prefecture, the real server, users in a process of their own, and the floors.

``prefecture`` the data and the people · ``browser`` one user's HTTP · ``people`` what users do · ``crowd`` many users in
their own process · ``serving`` the server · ``floors`` what no server could beat · ``growth`` an order among a million.
"""
