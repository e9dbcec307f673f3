print("infenclave 0.1.0")
