"""What a customer is offered, and the code that proves it."""
