"""Cases: exchanges as folders of files, that are run again offline."""
