"""What lets CloudFormation update an endpoint whose variants scale: a function, and three custom resources each."""
